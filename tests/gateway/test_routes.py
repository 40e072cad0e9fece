"""Routes: which decoder reads which foreign topic."""

from typing import Any

import pytest

from city.errors import ConfigurationError
from city.names import made_id
from city.tables import parse_table
from gateway.inputs.routes import Route, TopicTable


def route(filter_: str, decoder: str = "native", **parameters: str) -> Route:
    given: dict[str, Any] = {"filter": filter_, "decoder": decoder, "parameters": parameters}
    return Route.from_table(parse_table(TopicTable, given, "topics"))


@pytest.mark.parametrize(
    ("made", "subscribed", "topic", "origin"),
    [
        (route("a/{device}/{kind}"), "a/+/+", "a/x_1/rain", "mqtt:native?device=x_1&kind=rain&topic=a%2Fx_1%2Frain"),
        (route("{device}", "senml"), "+", "X_1", "mqtt:senml?device=x_1-x91879911ef15&topic=X_1"),
        (route("a/+/b", "senml", kind="rain"), "a/+/b", "a//b", "mqtt:senml?kind=rain&topic=a%2F%2Fb"),
        (route("a/#", "senml"), "a/#", "a", "mqtt:senml?topic=a"),
        (route("a/#", "senml"), "a/#", "a/b/c", "mqtt:senml?topic=a%2Fb%2Fc"),
        (route("#", "senml"), "#", "x/y", "mqtt:senml?topic=x%2Fy"),
        (
            route("a.b/{device}/up", kind="rain"),
            "a.b/+/up",
            "a.b/d/up",
            "mqtt:native?kind=rain&device=d&topic=a.b%2Fd%2Fup",
        ),
    ],
)
def test_a_route_matches_and_names(made: Route, subscribed: str, topic: str, origin: str) -> None:
    assert made.filter == subscribed
    assert str(made.origin(topic, made_id)) == origin


@pytest.mark.parametrize(
    ("made", "topic"),
    [
        (route("a/+", "senml"), "a/b/c"),
        (route("a/#", "senml"), "ab"),
        (route("a.b", "senml"), "axb"),
        (route("a/{device}"), "a/"),
    ],
)
def test_a_route_leaves_other_topics_alone(made: Route, topic: str) -> None:
    assert made.origin(topic, made_id) is None


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"filter": "", "decoder": "native"}, "topics: filter: it is empty"),
        ({"decoder": "native"}, "filter: Field required"),
        ({"filter": "a"}, "decoder: Field required"),
        ({"filter": "a", "decoder": "morse"}, "decoder: there is no decoder 'morse'"),
        ({"filter": "a/#/b", "decoder": "native"}, "filter: 'a/#/b': # can only be the last level"),
        ({"filter": "a+", "decoder": "native"}, "filter: 'a[+]' is not a level"),
        ({"filter": "{x}", "decoder": "native"}, "is not a level"),
        ({"filter": "x{device}", "decoder": "native"}, "is not a level"),
        ({"filter": "{device}/{device}", "decoder": "native"}, "names the device or the kind twice"),
        ({"filter": "a", "decoder": "native", "parameters": {"kind": 1}}, "parameters.kind: it must be a valid string"),
        ({"topic": "a", "decoder": "native"}, "no key 'topic'|filter: Field required"),
    ],
)
def test_what_is_no_route_is_refused_with_a_sentence(row: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        parse_table(TopicTable, row, "topics")
