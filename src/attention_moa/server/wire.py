"""How requests are read and documents are sent, whichever API they belong to.

A body is read by ``msgspec`` straight into its struct: it ends at the first fault, and never builds what nobody asked
for out of a hostile one. The structs are also what the OpenAPI document is made of (``openapi.py``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from attention_moa.server.bodies import require_plain
from attention_moa.server.errors import ApiError, bad_request
from attention_moa.server.fields import REFUSED, refuse_field

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


class Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON object of a request: nothing in it is converted, and no field is unknown."""


BodyT = TypeVar("BodyT", bound=Body)


async def read_body(request: Request, kind: type[BodyT]) -> BodyT:
    """Return the body of a request.

    Args:
        request: Who asks is known already: nobody else's body is looked at.
        kind: What it has to be.

    Raises:
        ApiError: 400: it is not JSON, or a field of it is wrong; ``param`` names the field.
    """
    return parse_body(await request.body(), kind)


def parse_body(content: bytes, kind: type[BodyT]) -> BodyT:
    """Return the body that some bytes hold; as ``read_body``."""
    require_plain(content)
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise fault(str(error), kind) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad_request(f"the body is no JSON that can be read: {error}", param=None, code="invalid_json") from None


def document(content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:  # noqa: ANN401 - whatever JSON can say
    """Return a response of one JSON document.

    Args:
        content: Structs, mappings, lists, texts, numbers.
        status: HTTP's.
        headers: Beside the usual ones.
    """
    return Response(msgspec.json.encode(content), status_code=status, headers=headers, media_type=JSON)


def fault(message: str, kind: type[Body], *, at: str = "") -> ApiError:
    """Return the error of a field that msgspec found wrong.

    Args:
        message: What msgspec says.
        kind: What the body, or the part of it, had to be.
        at: Where in the body the part is; empty for the body.
    """
    found = _PLACE.search(message)
    place = ".".join(part for part in (at, found[1] if found else "") if part)
    what = message[: found.start()] if found else message
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", what):
        return _unknown(f"{place}.{unknown[1]}".lstrip("."), kind)
    if missing := re.fullmatch(r"Object missing required field `(.*)`", what):
        param = f"{place}.{missing[1]}".lstrip(".")
        return bad_request(f"{param} is missing", param=param, code="missing_required_parameter")
    if place in REFUSED:
        refuse_field(place)
    return bad_request(f"{place or 'the body'}: {_in_words(what)}", param=place or None)


def _unknown(param: str, kind: type[Body]) -> ApiError:
    if param in REFUSED:
        refuse_field(param)
    close = get_close_matches(param[:100], kind.__struct_fields__, n=1)
    hint = f": did you mean {close[0]}?" if close else ""
    return bad_request(f"{param[:200]} is no field of this request{hint}", param=param, code="unknown_parameter")


def _in_words(what: str) -> str:
    """Return what msgspec says with its names of types in plain words."""
    told = _QUOTED.sub(lambda quoted: _kinds(quoted[1]), what).replace("enum value", "value")
    return told[:1].lower() + told[1:]


def _kinds(names: str) -> str:
    return " or ".join(_WORDS.get(name, name) for name in names.split(" | "))
