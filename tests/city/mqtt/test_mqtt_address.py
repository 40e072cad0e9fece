"""Addresses of brokers."""

import ssl
from pathlib import Path

import pytest

from city.errors import ConfigurationError
from city.mqtt import Address

AWKWARD = "p@ss:"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://broker", Address("broker", 1883)),
        ("mqtts://broker", Address("broker", 8883, tls=True)),
        ("mqtt://[::1]:2883/", Address("::1", 2883)),
        ("mqtt://gw-1:p%40ss%3A@h:9", Address("h", 9, user="gw-1", password=AWKWARD)),
        ("mqtt://gw-1@h?password_file=/run/secret", Address("h", 1883, user="gw-1", password_file=Path("/run/secret"))),
        (
            "mqtts://h?ca=ca.pem&cert=me.pem&key=me.key&insecure=yes",
            Address("h", 8883, tls=True, ca=Path("ca.pem"), cert=Path("me.pem"), key=Path("me.key"), insecure=True),
        ),
    ],
)
def test_an_address_is_read(url: str, address: Address) -> None:
    assert Address.parse(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "http://broker",
        "broker:1883",
        "mqtt://",
        "mqtt://h:port",
        "mqtt://h:99999",
        "mqtt://h:0",
        "mqtt://h/topic",
        "mqtt://h#part",
        "mqtt://h?what=1",
        "mqtt://h?ca=ca.pem",
        "mqtts://h?ca=",
        "mqtts://h?ca=a&ca=b",
        "mqtts://h?key=k",
        "mqtts://h?insecure=perhaps",
        "mqtt://:secret@h",
        "mqtt://u:secret@h?password_file=f",
        "mqtt://h?password_file=f",
        "mqtt://[::1",
    ],
)
def test_any_other_address_is_refused_without_the_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Address.parse(url)
    assert "secret" not in str(refused.value)


def test_the_password_is_never_shown() -> None:
    address = Address.parse("mqtt://gw:s3cret@h")
    assert "s3cret" not in repr(address) + str(address)
    assert str(address) == "mqtt://gw@h:1883"
    assert address.secret() == b"s3cret"


def test_a_password_file_is_read_anew_each_time(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    address = Address("h", 1, user="u", password_file=file)
    with pytest.raises(ConfigurationError, match="can't be read"):
        address.secret()
    file.write_text("first\n")
    assert address.secret() == b"first"
    file.write_text("second")
    assert address.secret() == b"second"


def test_tls_checks_who_the_broker_is_unless_told_not_to(tmp_path: Path) -> None:
    assert Address("h", 1).ssl_context() is None
    context = Address("h", 1, tls=True).ssl_context()
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    context = Address("h", 1, tls=True, insecure=True).ssl_context()
    assert context is not None
    assert context.verify_mode is ssl.CERT_NONE
    with pytest.raises(ConfigurationError, match="certificates"):
        Address("h", 1, tls=True, ca=tmp_path / "none.pem").ssl_context()
