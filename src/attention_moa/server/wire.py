"""How requests are read and documents are sent, whichever API they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from attention_moa.server.errors import ApiError, bad_request

JSON = "application/json"
RUN_ID_HEADER = "x-attention-moa-run-id"


class Body(BaseModel):
    """A JSON object of a request: nothing is converted, and no field is unknown."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


BodyT = TypeVar("BodyT", bound=Body)


async def read_body(request: Request, kind: type[BodyT]) -> BodyT:
    """Return the body of a request.

    Args:
        request: Who asks is known already: nobody else's body is looked at.
        kind: What it has to be.

    Raises:
        ApiError: 400: it is not JSON, or a field of it is wrong; ``param`` names the field.
    """
    try:
        return kind.model_validate_json(await request.body())
    except ValidationError as error:
        raise body_error(error) from None


def body_error(error: ValidationError) -> ApiError:
    """Return what is told of a body that cannot be read: its first fault."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if fault["type"] == "json_invalid":
        return bad_request(f"the body is not JSON: {fault['msg'].partition(': ')[2]}", param=None, code="invalid_json")
    param = _dotted(fault["loc"])
    return bad_request(f"{param or 'the body'}: {fault['msg']}", param=param or None)


def _dotted(place: tuple[int | str, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")


def document(content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:  # noqa: ANN401 - whatever JSON can say
    """Return a response of one JSON document.

    Args:
        content: Structs, mappings, lists, texts, numbers.
        status: HTTP's.
        headers: Beside the usual ones.
    """
    return Response(msgspec.json.encode(content), status_code=status, headers=headers, media_type=JSON)
