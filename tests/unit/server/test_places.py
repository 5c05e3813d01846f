"""What may stand at a place is read off the structs."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from msgspec import Meta, Struct

from attention_moa.server.places import fields_at, range_at, values_at


class Cat(Struct, tag_field="kind", tag="cat"):
    """A part that is told apart by its kind."""

    mood: Literal["sleepy", "hungry"] | None = None


class Dog(Struct, tag_field="kind", tag="dog"):
    """Another one."""

    age: Annotated[int, Meta(ge=0)] | Literal["old"] = 0


class Barn(Struct):
    """Numbers."""

    sizes: list[Annotated[float, Meta(ge=0.5, le=2)]]
    legs: Annotated[int, Meta(ge=2)] | None
    weight: Annotated[float, Meta(gt=0)]
    count: int
    name: str


class Farm(Struct, rename={"own": "self"}):
    """A whole."""

    animals: list[Cat | Dog]
    names: dict[str, Literal["a", "b"]] | None = None
    own: bool | None = None
    size: Annotated[Literal["big"] | None, Meta(extra_json_schema={"title": "size"})] = None


@pytest.mark.parametrize(
    ("place", "fields"),
    [
        ("", ["animals", "names", "self", "size"]),
        ("animals[3]", ["kind", "mood", "age"]),
        ("animals[3].mood", []),
        ("nowhere", []),
        ("self.deeper", []),
    ],
)
def test_the_fields_of_a_place_are_those_of_all_that_may_stand_there(place: str, fields: list[str]) -> None:
    """By the names that are written; none where no object may stand."""
    assert fields_at(Farm, place) == fields


@pytest.mark.parametrize(
    ("place", "values"),
    [
        ("animals[0].kind", ["cat", "dog"]),
        ("animals[0].mood", ["hungry", "sleepy"]),
        ("animals[0].age", ["old", "a whole number"]),
        ("names[...]", ["a", "b"]),
        ("names", ["an object"]),
        ("self", ["true or false"]),
        ("animals", ["a list"]),
        ("size", ["big"]),
        ("nowhere", []),
    ],
)
def test_the_values_of_a_place_are_its_words_and_what_else_it_takes(place: str, values: list[str]) -> None:
    """null, which is as good as leaving it out, is not named."""
    assert values_at(Farm, place) == values


def test_a_place_may_be_in_one_of_several() -> None:
    """As an item of a list is that is yet to be read."""
    assert values_at(Cat | Dog, "kind") == ["cat", "dog"]


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("sizes[0]", "a number from 0.5 to 2"),
        ("legs", "a whole number from 2 up"),
        ("weight", "a number above 0"),
        ("count", "a whole number"),
        ("name", None),
        ("nowhere", None),
    ],
)
def test_the_numbers_of_a_place_are_told_with_all_of_their_ends(place: str, told: str | None) -> None:
    """Whichever of them was passed."""
    assert range_at(Barn, place) == told
