"""The OpenAPI document says what the API does."""

from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
from fastapi.routing import APIRoute

from api.openapi import Api
from api.queries import query_models
from api.responses import EXAMPLES
from api.routes import ROUTERS
from api.routes.quarantine import Redrive
from city.catalog import QUANTITIES

ROUTES = {
    "/": "",
    "/health/live": "get",
    "/health/ready": "get",
    "/metrics": "get",
    "/v1/catalog": "get",
    "/v1/devices": "get",
    "/v1/devices/{device}": "get",
    "/v1/devices/{device}/latest": "get",
    "/v1/latest": "get",
    "/v1/ledger": "get",
    "/v1/quarantine": "get",
    "/v1/quarantine/{id}": "get",
    "/v1/quarantine/redrive": "post",
    "/v1/readings": "get",
}


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from _references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _references(inner)


async def test_every_reference_leads_somewhere(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    references = set(_references(document))
    assert references
    for reference in references:
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def test_every_route_is_there_with_examples_of_its_parameters_and_answers(app: Api) -> None:
    paths = app.openapi()["paths"]
    assert {path: next(iter(operations)) for path, operations in paths.items()} == {
        path: method for path, method in ROUTES.items() if method
    }
    operations = [operation for methods in paths.values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert operation["summary"]
        assert operation["description"]
        for parameter in operation.get("parameters", ()):
            assert parameter["description"]
            assert parameter["example"] not in (None, "")
        (content,) = next(answer for status, answer in operation["responses"].items() if status[0] == "2")[
            "content"
        ].values()
        assert content.get("example") or content["examples"]
        assert "application/problem+json" in operation["responses"]["default"]["content"]


def test_every_example_of_an_answer_has_the_shape_that_is_promised(app: Api) -> None:
    components = app.openapi()["components"]
    for name, example in EXAMPLES.items():
        shown = components["examples"][name]["value"]
        assert msgspec.convert(shown, type(example)) == example
        schema = components["schemas"][name]
        assert set(schema["required"]) <= set(shown) <= set(schema["properties"])


def test_every_example_of_a_parameter_is_understood(app: Api) -> None:
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    models = [(route.path, model) for route in routes for model in query_models(route)]
    assert models
    for path, model in models:
        parameters = app.openapi()["paths"][path]["get"]["parameters"]
        given = {one["name"]: one["example"] for one in parameters if one["in"] == "query"}
        assert set(given) == set(model.model_fields)
        model.model_validate(given)


def test_the_example_of_a_redrive_is_understood(app: Api) -> None:
    for example in app.openapi()["components"]["schemas"]["Redrive"]["examples"]:
        Redrive.model_validate(example)


async def test_the_catalog_has_units_ranges_and_labels(client: httpx2.AsyncClient) -> None:
    catalog = (await client.get("/v1/catalog")).json()
    temperature = next(row for row in catalog["quantities"] if row["key"] == "temperature")
    assert temperature == {
        "key": "temperature",
        "unit": "Cel",
        "symbol": "°C",
        "label": {"en": "Temperature", "th": "อุณหภูมิ"},
        "low": -60.0,
        "high": 85.0,
        "decimals": 1,
        "aggregate": "mean",
        "boolean": False,
    }
    states = {row["key"] for row in catalog["quantities"] if row["boolean"]}
    assert {"door_open", "ignition", "gateway_online"} < states
    assert all(QUANTITIES[key].high == 1 and QUANTITIES[key].symbol == "" for key in states)
    vehicle = next(row for row in catalog["kinds"] if row["key"] == "vehicle")
    assert (vehicle["workstream"], vehicle["label"]["th"], vehicle["cadence_s"]) == ("logistic_hub", "ยานพาหนะ", 10)
