"""A fleet's file: what it may say, and what is said about what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from attention_moa.errors import ConfigError
from attention_moa.fleet.files import fleet_text, load_fleet, parse_fleet
from attention_moa.fleet.spec import COMMON_FAULTS, FAULTS, FaultSpec, FleetSpec, ModelSpec

ONE = '[[models]]\nname = "m"\n'


def test_the_ready_fleet_has_five_models_of_different_speeds() -> None:
    """It is what runs without a file, and without faults."""
    spec = load_fleet()
    assert len(spec.models) == 5
    assert len({model.decode_tps for model in spec.models}) == 5
    assert all(spec.faults_of(model) == FaultSpec() for model in spec.models)
    assert any(model.reasoning_tokens for model in spec.models)


def test_the_ready_fleet_s_text_names_every_fault() -> None:
    """It is the beginning of a file of one's own."""
    text = fleet_text(None)
    assert [fault for fault in FAULTS if f"\n{fault} = " not in text] == []


def test_a_file_is_read_and_its_defaults_are_those_of_the_spec(tmp_path: Path) -> None:
    """A name is all that a model needs."""
    path = tmp_path / "fleet.toml"
    path.write_text(ONE, encoding="utf-8")
    assert load_fleet(path) == FleetSpec(models=(ModelSpec(name="m"),))
    with pytest.raises(ConfigError, match=r"is no file: attention-moa simulate --show > none\.toml"):
        load_fleet(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "models: missing: add [[models]] tables, each with a name"),
        ("models = []", "models: no model: add at least one"),
        ("sead = 1\n" + ONE, "sead: no such field: did you mean seed?"),
        (ONE + "decode = 3", "models[0].decode: no such field: did you mean decode_tps?"),
        (ONE + 'decode_tps = "fast"', "models[0].decode_tps: 'fast' is not right here: write a number"),
        (ONE + "decode_tps = 0", "models[0].decode_tps: 0.0 is not a number of tokens a second above 0"),
        (ONE + "prefill_tps = inf", "models[0].prefill_tps: inf is not"),
        (ONE + "first_token_s = -1", "models[0].first_token_s: -1.0 is not a number of seconds from 0 up"),
        (ONE + "jitter = 4", "models[0].jitter: 4.0 is not from 0 to 3"),
        (ONE + "output_tokens = 0", "models[0].output_tokens: 0.0 is not from 1"),
        (ONE + "output_spread = nan", "models[0].output_spread: nan is not from 0 to 3"),
        (ONE + "reasoning_tokens = -1", "models[0].reasoning_tokens: -1.0 is not from 0"),
        (ONE + "concurrency = 0", "models[0].concurrency: 0 is not 1 or more"),
        (ONE + "queue = -1", "models[0].queue: -1 is not 0 or more"),
        (ONE + "cache_tokens = -1", "models[0].cache_tokens: -1 is not 0 or more"),
        (ONE + "context_tokens = 0", "models[0].context_tokens: 0 is not 1 or more"),
        (ONE + "rpm = 0", "models[0].rpm: 0 is not 1 or more: leave it out for none"),
        (ONE + "[models.faults]\nhang = 1.5", "models[0].faults.hang: 1.5 is not a share from 0 to 1"),
        (ONE + "[faults]\nhang = 0.6\ncut = 0.6", "faults: the rates sum to 1.2"),
        (ONE + "[faults]\nhung = 0.6", "faults.hung: no such field: did you mean hang?"),
        (ONE + "[faults]\nretry_after_s = -2", "faults.retry_after_s: -2.0 is not a number of seconds"),
        (ONE + "[faults]\ndrip_factor = 0.5", "faults.drip_factor: 0.5 is not a factor from 1 up"),
        (ONE + ONE, "models[1].name: 'm' is taken: choose another name"),
        ('[[models]]\nname = "a b"', "models[0].name: 'a b' is no name"),
        ('[[models]]\nname = ""', "models[0].name: '' is no name"),
        ("time_scale = -1\n" + ONE, "time_scale: -1.0 is not from 0 (no waiting) to 1000"),
        ("stop_rate = 2\n" + ONE, "stop_rate: 2.0 is not a share from 0 to 1"),
        ("chunk_tokens = 0\n" + ONE, "chunk_tokens: 0 is not 1 or more"),
        ('replies = "other"\n' + ONE, 'replies: \'other\' is not right here: write "equal" or "fresh"'),
    ],
)
def test_a_fault_of_the_file_names_the_field_and_the_mend(text: str, said: str) -> None:
    """In one line."""
    with pytest.raises(ConfigError) as caught:
        parse_fleet(text, name="fleet.toml")
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_too_many_models_are_refused() -> None:
    """Sixty-four is enough for anybody."""
    with pytest.raises(ConfigError, match="65 models: at most 64"):
        FleetSpec(models=tuple(ModelSpec(name=f"m{number}") for number in range(65)))


def test_each_fault_at_one_rate() -> None:
    """The ten common ones, unless others are named; more than all requests cannot fail."""
    faults = FaultSpec.of_each(0.05)
    assert [fault for fault in FAULTS if faults.rate(fault)] == list(COMMON_FAULTS)
    assert FaultSpec.of_each(1.0, ("hang",)) == FaultSpec(hang=1.0)
    with pytest.raises(ConfigError, match="sum to 2"):
        FaultSpec.of_each(0.2)


def test_a_model_s_own_faults_replace_the_fleet_s() -> None:
    """Whole, not field by field."""
    spec = parse_fleet(ONE + '[models.faults]\ncut = 0.1\n[[models]]\nname = "n"\n[faults]\nhang = 0.2', name="f")
    assert [spec.faults_of(model) for model in spec.models] == [FaultSpec(cut=0.1), FaultSpec(hang=0.2)]
