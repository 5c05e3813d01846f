"""The language of a text, by the detector that defines the benchmark."""

from __future__ import annotations

import sys

import pytest

from attention_moa.bench.ifeval import language
from attention_moa.bench.ifeval.language import language_of
from attention_moa.errors import ConfigError

TEXTS = {
    "en": "The kettle is on the stove and the tea will soon be ready.",
    "de": "Der Kessel steht auf dem Herd, und der Tee ist bald fertig.",
    "hi": "केतली चूल्हे पर है और चाय जल्द ही तैयार हो जाएगी।",
    "ko": "주전자가 난로 위에 있고 차가 곧 준비됩니다.",
}


@pytest.mark.parametrize("code", TEXTS)
def test_a_text_has_a_language(code: str) -> None:
    """Texts of some words are told apart."""
    assert language_of(TEXTS[code]) == code


@pytest.mark.parametrize("text", ["", "12 + 30 = 42", "***"])
def test_a_text_without_letters_has_none(text: str) -> None:
    """Nothing tells its language."""
    assert language_of(text) is None


def test_a_text_has_the_same_language_every_time() -> None:
    """The detector draws lots; asked again, it draws the same ones."""
    assert len({language_of("Tee oder tea, taza, té") for _ in range(20)}) == 1


def test_a_missing_detector_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "langdetect.detector_factory", None)
    language._factory.cache_clear()  # noqa: SLF001 - it may have been found before
    with pytest.raises(ConfigError, match=r"pip install 'attention-moa\[bench\]'"):
        language_of("tea")
