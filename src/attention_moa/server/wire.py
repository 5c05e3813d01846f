"""How requests are read and documents are sent, whichever API they belong to.

A body is read by ``msgspec`` straight into its struct: it ends at the first fault, and never builds what nobody asked
for out of a hostile one. The structs are also what the OpenAPI document is made of (``openapi.py``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, ClassVar, TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from attention_moa.server.bodies import require_plain
from attention_moa.server.errors import ApiError, bad_request
from attention_moa.server.fields import REFUSED, refuse_field
from attention_moa.server.places import fields_at, range_at, values_at

JSON = "application/json"
RUN_ID_HEADER = "x-attention-moa-run-id"

_PLACE = re.compile(r" - at `\$\.?(.*)`$")
_WORDS = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "null": "null",
    "object": "an object",
    "str": "text",
}
_QUOTED = re.compile(r"`([^`]*)`")
_NOT_ONE_OF = re.compile(r"Invalid (?:enum )?value (.*)", re.DOTALL)
_FEW = 12
"""Most fields that are all named where one is taken that is none of them."""

_BOUND = re.compile(r"Expected `(?:int|float)` [<>]=? .*")
_FORM = re.compile(r"Expected `str` matching regex '(.*)'")
PATTERNS: Mapping[str, str] = {
    "^[A-Za-z0-9_.-]{1,64}$": "1 to 64 letters, digits, '_', '.' and '-'",
    "^[A-Za-z0-9_-]{1,64}$": "1 to 64 letters, digits, '_' and '-'",
    "^(https?://|data:image/)": "an address that begins with http://, https:// or data:image/",
}
"""What the patterns of texts say, in words."""

_GOT = re.compile(r"got `(\w+)`")
_JSON_KINDS = {"array": list, "bool": bool, "float": float, "int": int, "null": type(None), "object": dict, "str": str}
_ANY_NAME = "[...]"

_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
"""An escape of a JSON text; where it is half of a character without the other half, that is its group."""


class Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON object of a request: nothing in it is converted, and no field is unknown.

    ``elsewhere`` says of fields that only another API has what does the same here.
    """

    elsewhere: ClassVar[Mapping[str, str]] = {}


BodyT = TypeVar("BodyT", bound=Body)


async def read_body(request: Request, kind: type[BodyT]) -> BodyT:
    """Return the body of a request.

    Args:
        request: Who asks is known already: nobody else's body is looked at.
        kind: What it has to be.

    Raises:
        ApiError: 400: it is not JSON, or a field of it is wrong; ``param`` names the field; 415: it is packed.
    """
    packing = request.headers.get("content-encoding", "identity").strip().lower()
    if packing not in ("", "identity"):
        message = f"the body is encoded as {packing[:40]!r} (content-encoding): send it as plain JSON"
        raise ApiError(415, message, type="invalid_request_error", code="unsupported_encoding")
    return parse_body(await request.body(), kind)


def parse_body(content: bytes, kind: type[BodyT]) -> BodyT:
    """Return the body that some bytes hold; as ``read_body``."""
    require_plain(content)
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise _named(fault(str(error), kind), str(error), content) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        why = _half_character(content) or str(error)
        raise bad_request(f"the body is no JSON that can be read: {why}", param=None, code="invalid_json") from None


def document(content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:  # noqa: ANN401 - whatever JSON can say
    """Return a response of one JSON document.

    Args:
        content: Structs, mappings, lists, texts, numbers.
        status: HTTP's.
        headers: Beside the usual ones.
    """
    return Response(msgspec.json.encode(content), status_code=status, headers=headers, media_type=JSON)


def fault(message: str, kind: object, *, at: str = "") -> ApiError:
    """Return the error of a field that msgspec found wrong.

    Args:
        message: What msgspec says.
        kind: What the body, or the part of it, had to be: a struct, or one of several.
        at: Where in the body the part is; empty for the body.
    """
    found = _PLACE.search(message)
    within = found[1] if found else ""
    place = ".".join(part for part in (at, within) if part)
    what = message[: found.start()] if found else message
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", what):
        return _unknown(f"{place}.{unknown[1]}".lstrip("."), unknown[1], kind, within)
    if missing := re.fullmatch(r"Object missing required field `(.*)`", what):
        param = f"{place}.{missing[1]}".lstrip(".")
        return bad_request(f"{param} is missing", param=param, code="missing_required_parameter")
    if place in REFUSED:
        refuse_field(place)
    if (wrong := _NOT_ONE_OF.fullmatch(what)) and (right := values_at(kind, within)):
        return bad_request(f"{place}: {wrong[1][:100]} is not right here: write {_either(right)}", param=place)
    if _BOUND.fullmatch(what) and (numbers := range_at(kind, within)):
        return bad_request(f"{place}: expected {numbers}", param=place)
    return bad_request(f"{place or 'the body'}: {_in_words(what)}", param=place or None)


def _named(told: ApiError, why: str, content: bytes) -> ApiError:
    """Return an error whose field is one of a table, whose names are the client's own, with that name."""
    got = _GOT.search(why)
    if got is None or told.param is None or not told.param.endswith(_ANY_NAME):
        return told
    table = told.param.removesuffix(_ANY_NAME)
    entries: dict[str, object] = msgspec.json.decode(content)[table]
    name = next((name for name, value in entries.items() if type(value) is _JSON_KINDS[got[1]]), "")
    place = f"{table}.{name[:64]}"
    return bad_request(told.message.replace(told.param, place), param=place)


def _unknown(param: str, name: str, kind: object, within: str) -> ApiError:
    """Return the error of a field that the object at a place does not have."""
    if param in REFUSED:
        refuse_field(param)
    elsewhere: Mapping[str, str] = getattr(kind, "elsewhere", {})
    if param in elsewhere:
        message = f"{param} is no field of this API: {elsewhere[param]}"
        return bad_request(message, param=param, code="unknown_parameter")
    known = fields_at(kind, within)
    close = get_close_matches(name[:100], known, n=1)
    few = f": there are {', '.join(known)}" if 0 < len(known) <= _FEW else ""
    hint = f": did you mean {close[0]}?" if close else few
    return bad_request(f"{param[:200]} is no field of this request{hint}", param=param, code="unknown_parameter")


def _either(right: Sequence[str]) -> str:
    """Return some things to choose from: ``a``, ``a or b``, ``a, b or c``."""
    return " or ".join(part for part in (", ".join(right[:-1]), right[-1]) if part)


def _half_character(content: bytes) -> str | None:
    """Return what is wrong with a text in which half of a character stands alone; None where none does."""
    half = next((found[1] for found in _ESCAPES.finditer(content) if found[1]), None)
    return None if half is None else f"\\{half.decode()} is half of a character, and the other half is missing"


def _in_words(what: str) -> str:
    """Return what msgspec says with its names of types in plain words."""
    if form := _FORM.fullmatch(what):
        return f"expected {PATTERNS.get(form[1], 'a text of another form')}"
    told = _QUOTED.sub(lambda quoted: _kinds(quoted[1]), what).replace("enum value", "value")
    return told[:1].lower() + told[1:]


def _kinds(names: str) -> str:
    return " or ".join(_WORDS.get(name, name) for name in names.split(" | "))
