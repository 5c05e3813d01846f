"""The error tree: what each error carries and what it says."""

from __future__ import annotations

import pytest

from attention_moa import errors
from attention_moa.errors import (
    BadReplyError,
    CallError,
    ConfigError,
    MoaError,
    RateLimitError,
    RefusedError,
    SchemaVersionError,
    ServerError,
    describe,
)


def test_every_error_is_a_moa_error() -> None:
    """One ``except MoaError`` catches all that this package raises; the module's picture shows each."""
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert classes
    assert all(issubclass(kind, MoaError) for kind in classes)
    assert [kind.__name__ for kind in classes if kind.__name__ not in (errors.__doc__ or "")] == []


def test_a_config_error_opens_with_its_field() -> None:
    """The field's name is in the text and beside it."""
    error = ConfigError("7 is too much", key="layers")
    assert (str(error), error.key) == ("layers: 7 is too much", "layers")


def test_a_config_error_without_a_field_is_its_text() -> None:
    """Where no single field is at fault none is made up."""
    error = ConfigError("all wrong")
    assert (str(error), error.key) == ("all wrong", None)


@pytest.mark.parametrize(
    ("kind", "is_retryable"),
    [
        (CallError, False),
        (errors.TransportError, True),
        (errors.CallTimeoutError, True),
        (RateLimitError, True),
        (ServerError, True),
        (RefusedError, False),
        (errors.AuthError, False),
        (errors.ContextTooLongError, False),
        (BadReplyError, True),
    ],
)
def test_each_kind_says_whether_another_try_may_help(kind: type[CallError], is_retryable: bool) -> None:
    """The class decides, unless who raises it knows better."""
    assert kind("x").retryable is is_retryable
    assert kind("x", retryable=not is_retryable).retryable is not is_retryable


@pytest.mark.parametrize("kind", [RateLimitError, ServerError])
def test_the_wait_that_an_endpoint_asks_for_is_kept(kind: type[RateLimitError | ServerError]) -> None:
    """Retry-After travels in the error."""
    assert kind("busy", retry_after_s=2.5).retry_after_s == 2.5
    assert kind("busy").retry_after_s is None


def test_a_call_error_starts_without_context() -> None:
    """Who raises it knows only what happened."""
    error = CallError("broken")
    assert (error.agent, error.stage, error.model, error.attempts) == (None, None, None, 0)


def test_an_unknown_schema_names_both_versions_and_the_mend() -> None:
    """A reader learns what to do."""
    error = SchemaVersionError(9, 1)
    assert str(error) == "record has schema version 9, this version reads up to 1: upgrade attention-moa"
    assert (error.found, error.known) == (9, 1)


@pytest.mark.parametrize(
    ("error", "text"),
    [(ValueError("one\n  two"), "one two"), (ValueError(), "ValueError"), (KeyError("x"), "'x'")],
)
def test_an_error_is_described_in_one_line_that_is_never_empty(error: Exception, text: str) -> None:
    """Losses and log lines hold this text."""
    assert describe(error) == text
