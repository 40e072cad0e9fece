"""Secrets in files, and the addresses that name them."""

from pathlib import Path

import pytest

from city.database.address import name_of, parse
from city.errors import ConfigurationError
from city.ledger import open_ledger
from city.secret import read_key, read_secret
from city.settings import masked
from city.store.influx.address import Address

SECRET = "s3cr3t/%@"  # noqa: S105 - it must come through as it is


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "secret"
    written.write_text(f"{SECRET}\r\n")
    return written


def test_a_line_end_is_no_part_of_it(file: Path) -> None:
    assert read_secret(file, "x") == SECRET


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "can't be read: No such"), (b"", "is empty"), (b"\n", "is empty"), (b"\xff", "UTF-8")],
)
def test_what_is_no_secret_is_one_sentence(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"^where: .*{sentence}"):
        read_secret(file, "where")


def test_a_store_s_token_or_password_may_be_in_a_file(file: Path) -> None:
    assert Address.parse(f"influxdb://h/d?token_file={file}").token == SECRET
    address = Address.parse(f"influxdbs://me@h/d?password_file={file}")
    assert (address.user, address.password, address.base) == ("me", SECRET, "https://h:8086")
    assert SECRET not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        "influxdb://h/d?token=a&token_file={file}",
        "influxdb://u:p@h/d?password_file={file}",
        "influxdb://h/d?password_file={file}",
        "influxdb://h/d?token_file=/absent",
        "influxdb://h/d?tokenfile={file}",
    ],
)
def test_a_store_s_address_that_contradicts_itself_is_refused(url: str, file: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^store_url: ") as refused:
        Address.parse(url.format(file=file))
    assert SECRET not in str(refused.value)


def test_a_ledger_s_password_may_be_in_a_file(file: Path) -> None:
    url = parse(f"postgresql://korat@h/d?password_file={file}&sslmode=require")
    assert (url.password, dict(url.query)) == (SECRET, {"sslmode": "require"})
    assert SECRET not in name_of(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@h/d?password_file={file}",
        "postgresql://h/d?password_file={file}",
        "postgresql://u@h/d?password_file={file}&password_file={file}",
        "postgresql://u@h/d?password_file=/absent",
    ],
)
def test_a_ledger_s_address_that_contradicts_itself_is_refused(url: str, file: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^ledger_url: "):
        parse(url.format(file=file))


async def test_a_ledger_opens_with_it(postgres_database: str, file: Path) -> None:
    ledger = await open_ledger(f"{postgres_database}?password_file={file}")
    await ledger.aclose()


def test_the_path_of_a_secret_is_no_secret(file: Path) -> None:
    assert str(file) in masked(f"influxdb://h/d?token_file={file}")


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer {}",
        "authorization: Basic {}",
        "b'Bearer {}'",
        "GET /ingest/osmand?access_token={}&id=1",
        "KORAT_API_TOKEN={}",
        "{{'token': '{}', 'id': 1}}",
        '{{"password": "{}"}}',
        "(b'Authorization', b'Bearer {}')",
        "Bearer%20{}",
        "X-Api-Key: {}",
    ],
)
def test_what_looks_like_a_secret_is_masked_wherever_it_stands(text: str) -> None:
    assert "s3cr3t" not in masked(f"before {text.format('s3cr3t-token')} after")
    assert masked("before").startswith("before")


def test_our_own_keys_are_known_without_a_word_before_them() -> None:
    key = "korat_" + "s3cr3t" * 7
    assert masked(f"got {key} here") == "got korat_*** here"
    plain = "the bearer token is missing or wrong; korat_api_requests_total token_file=/run/x sensor=korat_1"
    assert masked(plain) == plain


def test_a_shared_key_is_long_enough_to_be_one(tmp_path: Path) -> None:
    assert read_key("", "x") is None
    file = tmp_path / "key"
    file.write_text("0123456789abcdef" * 2 + "\n")
    assert read_key(str(file), "x") == b"0123456789abcdef" * 2
    file.write_text("short\n")
    with pytest.raises(ConfigurationError, match=r"KEY: .* is shorter than 32") as raised:
        read_key(str(file), "KEY")
    assert "short\n" not in str(raised.value)
