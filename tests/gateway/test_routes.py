"""Routes: which decoder reads which foreign topic."""

import pytest

from gateway.inputs.routes import Route


@pytest.mark.parametrize(
    ("text", "subscribed", "topic", "origin"),
    [
        ("a/{device}/{kind} -> native", "a/+/+", "a/X_1/rain", "mqtt:native?device=x_1&kind=rain&topic=a%2FX_1%2Frain"),
        ("a/+/b->senml?kind=rain", "a/+/b", "a//b", "mqtt:senml?kind=rain&topic=a%2F%2Fb"),
        ("a/# -> senml", "a/#", "a", "mqtt:senml?topic=a"),
        ("a/# -> senml", "a/#", "a/b/c", "mqtt:senml?topic=a%2Fb%2Fc"),
        ("# -> senml", "#", "x/y", "mqtt:senml?topic=x%2Fy"),
        (
            "a.b/{device}/up -> native?kind=rain",
            "a.b/+/up",
            "a.b/d/up",
            "mqtt:native?kind=rain&device=d&topic=a.b%2Fd%2Fup",
        ),
    ],
)
def test_a_route_matches_and_names(text: str, subscribed: str, topic: str, origin: str) -> None:
    route = Route.parse(text)
    assert route.filter == subscribed
    assert str(route.origin(topic)) == origin


@pytest.mark.parametrize(
    ("text", "topic"),
    [("a/+ -> senml", "a/b/c"), ("a/# -> senml", "ab"), ("a.b -> senml", "axb"), ("a/{device} -> native", "a/")],
)
def test_a_route_leaves_other_topics_alone(text: str, topic: str) -> None:
    assert Route.parse(text).origin(topic) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a ->",
        "-> native",
        "a -> morse",
        "a/#/b -> native",
        "a+ -> native",
        "{x} -> native",
        "x{device} -> native",
        "{device}/{device} -> native",
        "a -> native?kind",
    ],
)
def test_what_is_no_route_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"decoder|level|twice|query"):
        Route.parse(text)
