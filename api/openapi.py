"""The OpenAPI document: FastAPI's, with the structs that msgspec encodes."""

import inspect
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from fastapi import FastAPI

from api.responses import EXAMPLES

DESCRIPTION: Final = """
City and logistics telemetry: readings, what became of each, and the devices they came from.

Times are RFC 3339 in UTC, ranges half-open. Flags are QARTOD codes: 1 good, 2 not evaluated, 3 suspect, 4 fail,
9 missing. Units are UCUM codes. Pages are followed by `next`, an opaque cursor that is null at the end. Everything
under `/v1` answers `If-None-Match` with 304. Errors are problem documents (RFC 9457); a parameter that doesn't exist
is an error too. Where the API asks for a key, send `Authorization: Bearer <key>`; without a good one the answer is 401.
"""


_IF_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The `ETag` of the answer that is there already; when nothing changed, 304 says so.",
    "example": 'W/"0716940b253ca45030179ea6d6319541"',
}


# the empty one: on one machine's loopback nobody is asked for a key
_SECURITY: Final[list[dict[str, list[str]]]] = [{"key": []}, {}]
_SCHEMES: Final = {"key": {"type": "http", "scheme": "bearer", "description": "A key that `korat init` made."}}


class Api(FastAPI):
    """FastAPI whose document also describes the structs that msgspec encodes."""

    def openapi(self) -> dict[str, Any]:
        """Give the document; it is written at the first request and kept."""
        if self.openapi_schema is None:
            self.openapi_schema = _completed(super().openapi())
        return self.openapi_schema


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    answers = [type(example) for example in EXAMPLES.values()]
    _, structs = msgspec.json.schema_components(answers, ref_template="#/components/schemas/{name}")
    for schema in structs.values():
        schema["description"] = inspect.cleandoc(schema["description"])
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(structs)
    # here and not at the routes, because FastAPI leaves out what is null in them
    components["examples"] = {name: {"value": msgspec.to_builtins(example)} for name, example in EXAMPLES.items()}
    components["securitySchemes"] = _SCHEMES
    document["security"] = _SECURITY
    for operation in _operations(document):
        for parameter in operation.get("parameters", ()):
            _straighten(parameter)
        if "304" in operation["responses"]:
            operation.setdefault("parameters", []).append(_IF_NONE_MATCH)
    return document


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (operation for path in document["paths"].values() for operation in path.values())


def _straighten(parameter: dict[str, Any]) -> None:
    """Leave out null, which no query can hold, and show the example where documentation tools look for it."""
    schema = parameter["schema"]
    if "anyOf" in schema:
        (schema_of_text,) = (one for one in schema.pop("anyOf") if one != {"type": "null"})
        schema.update(schema_of_text)
    parameter["example"] = schema["examples"][0]
