"""What an instruction is told beside its kind (how many words, which letter), read strictly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, cast

from attention_moa.bench.reading import Place, as_object, integer_field, text_field
from attention_moa.errors import ConfigError

Counted = Callable[[int], bool]


class Arguments(NamedTuple):
    """The arguments of one instruction.

    Args:
        values: By name; a name is spelled as errors show it (``kwargs[1].num_words``).
        prefix: What stands before each name.
        place: The row that holds them.
    """

    values: Mapping[str, object]
    prefix: str
    place: Place

    def text(self, name: str) -> str:
        """Return an argument that is text.

        Raises:
            ConfigError: It is missing, empty or no text.
        """
        value = text_field(self.values, self.prefix + name, self.place)
        if not value.strip():
            raise self.error(name, "empty")
        return value

    def texts(self, name: str) -> list[str]:
        """Return an argument that is a list of texts.

        Raises:
            ConfigError: It is missing, or something else.
        """
        value = self.values.get(self.prefix + name)
        items = cast("list[object]", value) if isinstance(value, list) else []
        texts = [item for item in items if isinstance(item, str) and item]
        if not texts or len(texts) < len(items):
            raise self.error(name, "not a list of texts")
        return texts

    def count(self, name: str) -> int:
        """Return an argument that is a whole number, 0 or more.

        Raises:
            ConfigError: It is missing, or something else.
        """
        number = integer_field(self.values, self.prefix + name, self.place)
        if number < 0:
            raise self.error(name, f"below 0: {number}")
        return number

    def comparison(self, relation: str, number: str) -> Counted:
        """Return what says whether a count is as wanted.

        Args:
            relation: The argument that holds ``at least`` or ``less than``.
            number: The argument that holds the bound.

        Raises:
            ConfigError: One is missing, or something else.
        """
        bound = self.count(number)
        wanted = self.text(relation)
        if wanted == "at least":
            return lambda count: count >= bound
        if wanted == "less than":
            return lambda count: count < bound
        raise self.error(relation, f"neither 'at least' nor 'less than': {wanted!r}")

    def error(self, name: str, message: str) -> ConfigError:
        """Return an error that names file, line and argument.

        Args:
            name: The argument.
            message: What is wrong, one line.
        """
        return self.place.error(message, field=self.prefix + name)


def arguments_of(value: object, index: int, place: Place) -> Arguments:
    """Return the arguments of an instruction.

    Args:
        value: What the row has for it; an argument that is null counts as missing.
        index: Which of the row's instructions it is, from 0.
        place: The row.

    Raises:
        ConfigError: It is no object.
    """
    prefix = f"kwargs[{index}]."
    if not isinstance(value, dict):
        raise place.error("not an object", field=prefix.rstrip("."))
    given = as_object(cast("object", value), place).items()
    return Arguments({prefix + name: item for name, item in given if item is not None}, prefix, place)
