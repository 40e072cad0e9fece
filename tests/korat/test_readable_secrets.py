"""A file with secrets that others may read is named, at the start and by `korat doctor`."""

from pathlib import Path

import pytest
from own_platform import Platform

from korat.readable_secrets import readable_secrets
from korat.settings import PlatformSettings


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder that settings begin in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "var").mkdir()
    return tmp_path


def _write(file: Path, text: str = "a secret", mode: int = 0o644) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    file.chmod(mode)


def _found() -> list[str]:
    return [str(file) for file in readable_secrets(PlatformSettings.load())]


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ('store_url = "influxdb://korat:pass@127.0.0.1/korat"', ["korat.toml"]),
        ('store_url = "influxdb://127.0.0.1/korat?token=abcdefgh"', ["korat.toml"]),
        ('ledger_url = "postgresql://korat:pass@127.0.0.1/korat"', ["korat.toml"]),
        ('[mqtt]\nurl = "mqtts://korat:pass@127.0.0.1"', ["korat.toml"]),
        ('store_url = "influxdb://127.0.0.1/korat?token_file=file"', ["file"]),
        ('store_url = "influxdb://u@127.0.0.1/korat?password_file=file"', ["file"]),
        ('ledger_url = "postgresql://korat@127.0.0.1/korat?password_file=file"', ["file"]),
        ('[mqtt]\nurl = "mqtts://korat@127.0.0.1?password_file=file&ca=ca"', ["file"]),
        ('[mqtt]\nurl = "mqtts://127.0.0.1?cert=ca&key=file"', ["file"]),
        ('[api]\nkeys_file = "file"', ["file"]),
        ("[api]\nport = 8001", []),
        ('store_url = "influxdb://127.0.0.1/korat"', []),
    ],
)
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o600])
def test_of_korat_toml_and_what_it_names(here: Path, settings: str, found: list[str], mode: int) -> None:
    for name in ("file", "ca"):
        _write(here / name, mode=mode)
    _write(here / "korat.toml", settings, mode)
    assert _found() == (found if mode == 0o644 else [])


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ('[[input.http.token]]\nname = "a"\nfile = "file"', ["file"]),
        (f'[[input.http.token]]\nname = "a"\nhash = "sha256:{"0" * 64}"', []),
        ('[[input.http.hook]]\nname = "a"\nsecret = "a-long-enough-secret"', ["gateway.toml"]),
        ('[[input.http.hook]]\nname = "a"\nsecret_file = "file"', ["file"]),
        ('[pseudonyms]\nkey_file = "file"', ["file"]),
        ('[[input.mqtt]]\nurl = "mqtts://u:pass@127.0.0.1"', ["gateway.toml"]),
        ('[[input.mqtt]]\nurl = "mqtts://u@127.0.0.1?password_file=file"', ["file"]),
        (
            '[[input.poll]]\nurl = "http://127.0.0.1/x"\nheaders = { Authorization = "Bearer abcdefgh" }',
            ["gateway.toml"],
        ),
        ('[[input.poll]]\nurl = "http://127.0.0.1/x"\nheaders = { X-Api-Key = "abcdefgh" }', ["gateway.toml"]),
        ('[[input.poll]]\nurl = "http://127.0.0.1/x?api_key=abcdefgh"', ["gateway.toml"]),
        ('[[input.tcp]]\nprotocol = "teltonika"', []),
    ],
)
def test_of_gateway_toml_and_what_it_names(here: Path, table: str, found: list[str]) -> None:
    for name, text in (("file", "secret"), ("gateway.toml", table)):
        _write(here / "var" / name, text)
    assert _found() == [str(here / "var" / name) for name in found]
    for name in ("file", "gateway.toml"):
        (here / "var" / name).chmod(0o600)
    assert _found() == []


def test_of_the_secrets_folder(here: Path) -> None:
    for name, mode in {"api_keys": 0o644, "broker.key": 0o604, "ca.crt": 0o644, "postgres_password": 0o640}.items():
        _write(here / "secrets" / name, mode=mode)
    assert _found() == ["secrets/api_keys", "secrets/broker.key"]


def test_it_is_told_once_at_the_start_and_by_doctor(platform: Platform) -> None:
    keys = platform.folder.parent / "keys"
    _write(keys, f"me sha256:{'0' * 64}\n")
    told = str(keys)
    with platform.up(KORAT_API_KEYS_FILE=told) as process:
        log = process.log.read_text()
    assert [
        line for line in log.splitlines() if told in line and "readable by other users" in line and "warning" in line
    ]
    assert log.count(told) == 1
    said = platform.run("doctor", KORAT_API_KEYS_FILE=told)
    assert f"warn  secrets: other users may read {told}" in said.stdout
    keys.chmod(0o600)
    assert "secrets:" not in platform.run("doctor", KORAT_API_KEYS_FILE=told).stdout
