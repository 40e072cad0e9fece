"""The OpenAPI document: FastAPI's, with the structs that msgspec encodes."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from fastapi import FastAPI

from api.problems import ProblemBody
from api.routes.catalog import Catalog
from api.routes.devices import DevicePage
from api.routes.health import Live, Ready
from api.routes.latest import FeatureCollection
from api.routes.ledger import DeviceAccounts, GatewayAccounts, Total
from api.routes.quarantine import QuarantinePage, Requested
from api.routes.readings import Readings

ANSWERS: Final[tuple[type[msgspec.Struct], ...]] = (
    Catalog,
    DeviceAccounts,
    DevicePage,
    FeatureCollection,
    GatewayAccounts,
    Live,
    ProblemBody,
    QuarantinePage,
    Readings,
    Ready,
    Requested,
    Total,
)
"""What routes answer with; the structs inside them come along."""

DESCRIPTION: Final = """
City and logistics telemetry: readings, what became of each, and the devices they came from.

Times are RFC 3339 in UTC, ranges half-open. Flags are QARTOD codes: 1 good, 2 not evaluated, 3 suspect, 4 fail,
9 missing. Units are UCUM codes. Pages are followed by `next`, an opaque cursor that is null at the end. Everything
under `/v1` answers `If-None-Match` with 304. Errors are problem documents (RFC 9457); a parameter that doesn't exist
is an error too.
"""


class Api(FastAPI):
    """The app, with the whole document."""

    def openapi(self) -> dict[str, Any]:
        """Write the document once."""
        if self.openapi_schema is None:
            document = super().openapi()
            _, structs = msgspec.json.schema_components(ANSWERS, ref_template="#/components/schemas/{name}")
            document.setdefault("components", {}).setdefault("schemas", {}).update(structs)
            for operation in _operations(document):
                for parameter in operation.get("parameters", ()):
                    _lift_example(parameter)
        assert self.openapi_schema is not None  # noqa: S101 - FastAPI has just kept it there
        return self.openapi_schema


def _operations(document: dict[str, Any]) -> Iterable[dict[str, Any]]:
    return (operation for path in document["paths"].values() for operation in path.values())


def _lift_example(parameter: dict[str, Any]) -> None:
    # documentation tools look for a parameter's example beside the schema, not in it
    examples = parameter["schema"].get("examples")
    if examples and "example" not in parameter:
        parameter["example"] = examples[0]
