"""What calls cost, and which prices are none."""

from __future__ import annotations

from math import inf, nan

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_moa.errors import ConfigError
from attention_moa.messages import Usage
from attention_moa.money import FREE, Price, Tier, amount, as_written, cost_usd, dollars, dollars_left

FULL = Price(input=2.0, cached=0.5, cache_write=2.5, output=8.0)


def used(
    prompt: int | None, output: int | None, *, cached: int | None = None, written: int | None = None, thinking: int = 0
) -> Usage:
    """Return the tokens of a call."""
    return Usage(
        input_tokens=prompt,
        output_tokens=output,
        cached_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=thinking,
    )


COSTS: list[tuple[Usage, Price | None, float | None]] = [
    (used(1_000_000, 1_000_000), FULL, 10.0),
    (used(1000, 100), FULL, 0.0028),
    (used(1000, 100, cached=600), FULL, 0.0008 + 0.0003 + 0.0008),
    (used(1000, 100, cached=600, written=300), FULL, 0.0002 + 0.0003 + 0.00075 + 0.0008),
    # where a part has no price of its own, the prompt's holds
    (used(1000, 100, cached=600, written=300), Price(input=2.0, output=8.0), 0.0028),
    # thinking is in the generated tokens
    (used(1000, 100, thinking=90), FULL, 0.0028),
    # more cached than there is: nothing is paid back
    (used(100, 0, cached=600), FULL, 0.0003),
    (used(0, 0), FULL, 0.0),
    (used(1000, 100), FREE, 0.0),
    # what is not known stays so
    (used(1000, 100), None, None),
    (used(None, 100), FULL, None),
    (used(1000, None), FULL, None),
    (Usage(), FULL, None),
    (Usage(), FREE, None),
    (used(1000, 100), Price(), None),
    (used(1000, 100), Price(input=2.0), None),
    (used(1000, 100), Price(output=8.0), None),
    (used(1000, 100, cached=600), Price(cached=0.5, output=8.0), None),
    # no tokens of a kind need no price
    (used(1000, 0), Price(input=2.0), 0.002),
    (used(0, 100), Price(output=8.0), 0.0008),
    (used(600, 100, cached=600), Price(cached=0.5, output=8.0), 0.0011),
]


@pytest.mark.parametrize(("usage", "price", "usd"), COSTS)
def test_a_call_costs_its_tokens_by_kind(usage: Usage, price: Price | None, usd: float | None) -> None:
    """Fresh, cached, written and generated tokens each have their price; unknown is never zero."""
    assert cost_usd(usage, price) == (None if usd is None else pytest.approx(usd, abs=1e-12))


def test_a_long_prompt_has_other_prices_for_the_whole_call() -> None:
    """From one token above a tier's start on, all tokens have its prices."""
    price = Price(
        input=1.0,
        output=10.0,
        tiers=(Tier(above_tokens=1000, input=2.0, output=20.0), Tier(above_tokens=5000, input=4.0)),
    )
    assert cost_usd(used(1000, 0), price) == pytest.approx(0.001)
    assert cost_usd(used(1001, 10), price) == pytest.approx(0.002002 + 0.0002)
    assert cost_usd(used(6000, 0), price) == pytest.approx(0.024)
    assert cost_usd(used(6000, 1), price) is None


AMOUNTS = st.none() | st.floats(0, 1000)
TOKENS = st.none() | st.integers(0, 10**7)


@given(
    price=st.builds(Price, input=AMOUNTS, cached=AMOUNTS, cache_write=AMOUNTS, output=AMOUNTS),
    usage=st.builds(Usage, input_tokens=TOKENS, cached_tokens=TOKENS, cache_write_tokens=TOKENS, output_tokens=TOKENS),
)
def test_a_cost_is_an_amount_or_unknown(price: Price, usage: Usage) -> None:
    """Whatever is counted and priced, nothing costs less than nothing."""
    price.check("price")
    usd = cost_usd(usage, price)
    assert usd is None or 0 <= usd < inf


@pytest.mark.parametrize("part", ["input", "cached", "cache_write", "output"])
@pytest.mark.parametrize("wrong", [-0.01, nan, inf, -inf])
def test_a_price_that_is_no_amount_names_its_field(part: str, wrong: float) -> None:
    """The error says which part of which price is wrong, and what to write."""
    with pytest.raises(ConfigError, match="is no price: write US dollars for a million tokens") as caught:
        msgspec.structs.replace(Price(), **{part: wrong}).check("agents[1].price")
    assert caught.value.key == f"agents[1].price.{part}"
    with pytest.raises(ConfigError) as caught:
        Price(tiers=(Tier(above_tokens=5, **{part: wrong}),)).check("price")
    assert caught.value.key == f"price.tiers[0].{part}"


@pytest.mark.parametrize(("starts", "wrong"), [((0,), 0), ((-4,), 0), ((5, 5), 1), ((9, 3), 1)])
def test_tiers_go_up(starts: tuple[int, ...], wrong: int) -> None:
    """Each tier begins above the one before it."""
    price = Price(tiers=tuple(Tier(above_tokens=start) for start in starts))
    with pytest.raises(ConfigError, match="is not above") as caught:
        price.check("price")
    assert caught.value.key == f"price.tiers[{wrong}].above_tokens"


def test_a_price_is_read_as_files_write_it_and_written_back() -> None:
    """Whole numbers are prices too; what is not known is left out."""
    price = msgspec.convert({"input": 1, "output": 2.5}, Price)
    assert price == Price(input=1.0, output=2.5)
    assert msgspec.json.decode(msgspec.json.encode(price)) == {"input": 1.0, "output": 2.5}
    with pytest.raises(msgspec.ValidationError, match="inptu"):
        msgspec.convert({"inptu": 1}, Price)
    with pytest.raises(msgspec.ValidationError, match="Expected `float"):
        msgspec.convert({"input": "cheap"}, Price)


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        (0.0, "0"),
        (1234.5, "1,234.50"),
        (10.0, "10.00"),
        (0.5, "0.5000"),
        (0.0001, "0.0001"),
        (0.00001, "0.00001"),
        (0.0000034, "0.0000034"),
        (0.00009999, "0.0001"),
        (1.5e-9, "0.0000000015"),
        (1e-19, "<0.000000001"),
    ],
)
def test_amounts_are_short_and_never_a_zero_that_they_are_not(usd: float, shown: str) -> None:
    """Cents for much, four digits for little, as many as it takes for less; no exponent."""
    assert amount(usd) == shown
    assert dollars(usd) == ("$" + shown if "<" not in shown else "less than $" + shown[1:])


@pytest.mark.parametrize(
    ("usd", "shown"),
    [(0.0, "$0"), (0.019479999999999997, "$0.0194"), (12.999, "$12.99"), (0.0000129, "$0.000012"), (1e-12, "less")],
)
def test_what_is_left_is_never_told_as_more(usd: float, shown: str) -> None:
    """It is rounded down."""
    assert dollars_left(usd).split()[0] == shown


@given(st.floats(min_value=1e-300, max_value=1e12))
def test_no_amount_has_an_exponent_or_is_rounded_to_nothing(usd: float) -> None:
    """Whatever a price list may hold."""
    shown = amount(usd)
    assert "e" not in shown
    assert float(shown.strip("<").replace(",", "")) > 0


@pytest.mark.parametrize(
    ("number", "shown"),
    [(5.0, "5"), (100, "100"), (1_000_000, "1000000"), (0.25, "0.25"), (1e-6, "0.000001"), (1e22, "1" + "0" * 22)],
)
def test_a_number_is_shown_as_it_would_be_written_into_a_file(number: float, shown: str) -> None:
    """No exponent, no digit lost, none too many."""
    assert as_written(number) == shown


@pytest.mark.parametrize(
    ("price", "field"),
    [
        (Price(), "price.input"),
        (Price(input=1.0), "price.output"),
        (Price(output=1.0), "price.input"),
        (Price(input=1.0, output=2.0, tiers=(Tier(above_tokens=9, input=1.0),)), r"price.tiers\[0\].output"),
    ],
)
def test_a_price_of_a_file_is_whole(price: Price, field: str) -> None:
    """With half of it no cost would ever be known, and nobody would be told why."""
    with pytest.raises(ConfigError, match=f"^{field}: missing: write US dollars"):
        price.require_whole("price")


def test_a_whole_price_needs_no_caches() -> None:
    """Cached tokens cost what others do unless told."""
    Price(input=0.0, output=2.0, tiers=(Tier(above_tokens=9, input=1.0, output=3.0),)).require_whole("price")
