"""Numbers on a command line, and what is none."""

from __future__ import annotations

import click
import pytest

from attention_moa.cli.numbers import Number, Whole


@pytest.mark.parametrize(
    ("kind", "text", "number"),
    [
        (Whole(1, 86_400), "60", 60),
        (Whole(min=1), "1000000", 1_000_000),
        (Number(min=0, min_open=True), "0.5", 0.5),
        (Number(min=0), "0", 0.0),
    ],
)
def test_a_number_is_taken(kind: click.ParamType[float], text: str, number: float) -> None:
    """As it is."""
    assert kind.convert(text, None, None) == number


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        (Whole(1, 86_400), "0.5", "write a whole number from 1 to 86,400, not '0.5'"),
        (Whole(1, 86_400), "90000", "write a whole number from 1 to 86,400, not '90000'"),
        (Whole(min=1), "0", "write a whole number from 1 up, not '0'"),
        (Number(min=0, min_open=True), "0", "write a finite number above 0, not '0'"),
        (Number(min=0, min_open=True), "nan", "write a finite number above 0, not 'nan'"),
        (Number(min=0), "inf", "write a finite number from 0 up, not 'inf'"),
        (Number(min=0), "much", "write a finite number from 0 up, not 'much'"),
    ],
)
def test_what_is_no_such_number_is_told_with_what_would_be(kind: click.ParamType[float], text: str, told: str) -> None:
    """The value, and the mend."""
    with pytest.raises(click.BadParameter) as caught:
        kind.convert(text, None, None)
    assert caught.value.message == told
