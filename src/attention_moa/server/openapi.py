"""The OpenAPI document, made of the very structs that requests are read into and responses are written from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from msgspec import Struct

_REF = "#/components/schemas/{name}"


class ErrorTold(Struct, frozen=True, kw_only=True):
    """What went wrong.

    Args:
        message: For a person.
        type: The kind of error.
        param: The field of the request that is at fault.
        code: What exactly is wrong.
        run_id: The run that failed; not there where none began.
    """

    message: str
    type: str
    param: str | None
    code: str | None
    run_id: str | msgspec.UnsetType = msgspec.UNSET


class ErrorBody(Struct, frozen=True, kw_only=True):
    """The body of every response that is an error."""

    error: ErrorTold


_ERROR: dict[str, Any] = {
    "description": "An error, in the shape of OpenAI's",
    "content": {"application/json": {"schema": {"$ref": _REF.format(name="ErrorBody")}}},
}
_HOW = {"bearer": {"type": "http", "scheme": "bearer", "description": "A key of the server; none where it has none"}}


def described(
    *, body: type[Struct] | None = None, reply: type[Struct] | None = None, pieces: type[Struct] | None = None
) -> dict[str, Any]:
    """Return what a route says of itself in the document, as ``openapi_extra``.

    Args:
        body: What it reads; None for nothing.
        reply: The document that it gives; None for any JSON.
        pieces: What each message of its stream holds; None where it does not stream.
    """
    content: dict[str, Any] = {"application/json": {"schema": {} if reply is None else _ref(reply)}}
    if pieces is not None:
        content["text/event-stream"] = {"schema": {"description": f"data: {pieces.__name__}"}}
    told: dict[str, Any] = {"responses": {"200": {"description": "OK", "content": content}, "default": _ERROR}}
    if body is not None:
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(body)}}}
    return told


def describe_structs(app: FastAPI, structs: Iterable[type[Struct]]) -> None:
    """Let an application's document hold the schemas of some structs, and say how keys are brought.

    Args:
        app: The application; all of its routes are there.
        structs: Those that ``described`` names.
    """
    kinds = (ErrorBody, *structs)

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, routes=app.routes, description=_ABOUT)
            _, schemas = msgspec.json.schema_components(kinds, ref_template=_REF)
            components = made.setdefault("components", {})
            components["schemas"] = schemas
            components["securitySchemes"] = _HOW
            made["security"] = [{"bearer": []}, {}]
            for path in made["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)  # FastAPI's own: here what is wrong is a 400
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # how FastAPI wants it done


_ABOUT = "Ensembles of language models behind the API of OpenAI: an ensemble is just a model name."


def _ref(kind: type[Struct]) -> dict[str, str]:
    return {"$ref": _REF.format(name=kind.__name__)}
