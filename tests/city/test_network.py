"""What addresses have in common."""

import pytest

from city.errors import ConfigurationError
from city.network import check_password, host_port, is_loopback, url_options


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("127.0.0.1.example", False),
        ("127.city.example", False),
        ("192.0.2.1", False),
        ("::", False),
        ("", False),
    ],
)
def test_only_this_machine_reaches_a_loopback(host: str, loopback: bool) -> None:  # noqa: FBT001 - a parameter
    assert is_loopback(host) is loopback


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert [host_port("::1", 80), host_port("h", 80)] == ["[::1]:80", "h:80"]


def test_options_are_percent_decoded() -> None:
    assert url_options("a=1%202&b=x", {"a", "b"}, "where") == {"a": "1 2", "b": "x"}
    assert url_options("", {"a"}, "where") == {}


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("c=secret", "where: unknown option 'c'"),
        ("c", "where: unknown option 'c'"),
        ("a=", "where: a= is empty"),
        ("a", "where: a= is empty"),
        ("a=secret&a=secret", "where: a= is given twice"),
    ],
)
def test_an_option_is_known_and_given_once(query: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        url_options(query, {"a", "b"}, "where")
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("user", "password", "file"),
    [("u", "secret", "f"), (None, "secret", None), ("", "secret", None), (None, None, "f")],
)
def test_a_password_is_given_once_and_has_a_user(user: str | None, password: str | None, file: str | None) -> None:
    with pytest.raises(ConfigurationError, match=r"^where: ") as refused:
        check_password("where", user=user, password=password, file=file)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("user", "password", "file"), [(None, None, None), ("u", None, None), ("u", "p", None), ("u", None, "f")]
)
def test_a_clear_password_passes(user: str | None, password: str | None, file: str | None) -> None:
    check_password("where", user=user, password=password, file=file)
