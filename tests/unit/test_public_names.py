"""The public names: sorted, all there, and the same for the interpreter and for type checkers."""

from __future__ import annotations

import ast
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

import attention_moa

SOURCE = Path(attention_moa.__file__).read_text(encoding="utf-8")


def names_for_type_checkers() -> dict[str, str]:
    """Return the module that each name is imported from where a type checker reads."""
    imports = [node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.ImportFrom)]
    return {alias.asname: node.module or "" for node in imports for alias in node.names if alias.asname is not None}


def test_the_public_names_are_sorted() -> None:
    """Classes first, then functions, each in the order of the alphabet: a new name has one place."""
    assert list(attention_moa.__all__) == sorted(attention_moa.__all__)


@pytest.mark.parametrize("name", attention_moa.__all__)
def test_every_public_name_is_the_same_for_type_checkers(name: str) -> None:
    """What a type checker reads is the object that a program gets."""
    module = names_for_type_checkers()[name]
    value = getattr(attention_moa, name)
    assert value is getattr(__import__(module, fromlist=[name]), name)


def test_type_checkers_see_no_name_more() -> None:
    """Nothing is promised to type checkers alone."""
    assert names_for_type_checkers().keys() == set(attention_moa.__all__)


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    """The lazy look-up fails as any other module does."""
    module: ModuleType = attention_moa
    with pytest.raises(AttributeError, match="Enssemble"):
        _ = module.Enssemble


def test_the_names_are_listed() -> None:
    """Completion in an interpreter shows what is not loaded yet."""
    assert set(attention_moa.__all__) <= set(dir(attention_moa))


def test_the_version_is_the_distributions() -> None:
    """The number in the code is the one that was installed."""
    assert attention_moa.__version__ == version("attention-moa")
