"""JSON that is too deep or of too many parts is refused before anything is made of it."""

from __future__ import annotations

import json

import pytest

from attention_moa.server.bodies import MOST_LEVELS, MOST_PARTS, require_plain
from attention_moa.server.errors import ApiError


def refusal(content: bytes) -> ApiError:
    """Return what a body is refused with."""
    with pytest.raises(ApiError) as refused:
        require_plain(content)
    return refused.value


def test_a_body_may_be_as_deep_as_a_hundred_levels() -> None:
    """Lists and objects alike, one level more is refused."""
    levels = MOST_LEVELS
    require_plain(b"[" * levels + b"]" * levels)
    require_plain(b'{"a":' * levels + b"1" + b"}" * levels)
    error = refusal(b"[" * (levels + 1) + b"]" * (levels + 1))
    assert (error.status, error.code) == (400, "invalid_json")
    assert refusal(b'{"a":' * levels + b"[1]" + b"}" * levels).status == 400


def test_many_lists_beside_each_other_are_not_deep() -> None:
    """What was closed is no level any more."""
    require_plain(json.dumps([[{"a": []}] for _ in range(10_000)]).encode())


def test_brackets_in_texts_are_no_levels() -> None:
    """However they are escaped."""
    require_plain(json.dumps({"text": '[{"\\' * 10_000, "more": "\\"}).encode())


def test_what_is_no_json_is_left_to_who_reads_it() -> None:
    """Neither a text without an end nor brackets without a beginning break anything."""
    require_plain(b']}"' + b"\xff[" * 1000)
    require_plain(b'"' + b"[\\" * 1000)


@pytest.mark.parametrize("hostile", [b"[],", b'"",', b"1,", b"{},", b'"\\"",'])
def test_a_body_of_too_many_parts_is_refused(hostile: bytes) -> None:
    """Whatever they are. What comes after the last that may be is not looked at: else it would be too deep."""
    content = b"[" + hostile * (MOST_PARTS // hostile.count(b",") + 2) + b"[" * (MOST_LEVELS + 1)
    error = refusal(content)
    assert (error.status, error.code) == (413, "request_too_large")


def test_a_long_text_is_one_part() -> None:
    """Whatever stands in it."""
    require_plain(b'["' + b"a," * MOST_PARTS + b'"]')
