"""The scripts that make secrets: they overwrite nothing, and what they make fits together."""

import hashlib
import stat
import subprocess
from pathlib import Path

import pytest
from own_city import DEPLOY, script

from support.process import find_or_skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    find_or_skip("openssl", "openssl")
    return tmp_path / "secrets"


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_secrets_are_made_once_and_only_the_group_reads_them(folder: Path) -> None:
    first = script("make-secrets", secrets=folder)
    assert first.returncode == 0, first.stderr
    made = contents(folder)
    assert f"SECRETS_GID={folder.stat().st_gid}" in first.stderr
    assert stat.S_IMODE(folder.stat().st_mode) == 0o2770
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o640 for file in folder.iterdir())
    filled = {name: text for name, text in made.items() if text}
    assert made.keys() - filled.keys() == {"api_keys", "influx_write_token", "influx_read_token"}
    assert len(set(filled.values())) == len(filled)
    assert all(len(text) > 32 for text in filled.values())
    assert not any(text.decode().strip() in first.stderr for text in filled.values())
    assert script("make-secrets", secrets=folder).returncode == 0
    assert contents(folder) == made


def test_certificates_are_never_overwritten(folder: Path) -> None:
    assert script("make-certificates", "broker", "mqtt.example", "192.0.2.7", secrets=folder).returncode == 0
    made = contents(folder)
    again = script("make-certificates", "broker", secrets=folder)
    assert again.returncode == 1
    assert "exists; move it away first" in again.stderr
    assert contents(folder) == made
    (folder / "broker.crt").unlink()
    (folder / "broker.key").unlink()
    assert script("make-certificates", "broker", secrets=folder).returncode == 0, "by the authority that is there"
    assert (folder / "ca.crt").read_bytes() == made["ca.crt"]
    for key in ("ca.key", "broker.key"):
        assert not (folder / key).stat().st_mode & stat.S_IRWXO


def test_a_client_s_certificate_is_signed_by_the_same_authority(folder: Path) -> None:
    assert "make the broker's certificate first" in script("make-certificates", "client", "gw-1", secrets=folder).stderr
    assert script("make-certificates", "broker", secrets=folder).returncode == 0
    assert script("make-certificates", "client", "gw-1", secrets=folder).returncode == 0
    verify = ["openssl", "verify", "-x509_strict", "-CAfile", folder / "ca.crt", "-purpose", "sslclient"]
    subprocess.run([*verify, folder / "client-gw-1.crt"], check=True, capture_output=True)
    assert subprocess.run([*verify, folder / "broker.crt"], check=False, capture_output=True).returncode != 0


@pytest.mark.parametrize(
    "arguments", [(), ("broker", "no/name"), ("client",), ("client", "../x"), ("client", "a", "b"), ("server",)]
)
def test_what_is_no_name_makes_no_certificate(folder: Path, arguments: tuple[str, ...]) -> None:
    done = script("make-certificates", *arguments, secrets=folder)
    assert done.returncode == 1
    assert done.stderr.startswith("korat: ")
    assert not list(folder.glob("*.crt"))


def test_passwords_stay_until_their_file_is_removed(folder: Path) -> None:
    find_or_skip("mosquitto_passwd", "mosquitto")
    assert script("make-passwords", "gw-1", "gw-10", secrets=folder).returncode == 0
    made = contents(folder)
    assert script("make-passwords", "gw-1", secrets=folder).returncode == 0
    assert contents(folder) == made
    (folder / "mqtt_gw-1").unlink()
    assert script("make-passwords", "gw-1", secrets=folder).returncode == 0
    now = contents(folder)
    assert now["mqtt_gw-1"] != made["mqtt_gw-1"]
    assert now["mqtt_gw-10"] == made["mqtt_gw-10"]
    users = [line.partition(":")[0] for line in now["mosquitto_passwords"].decode().splitlines()]
    assert sorted(users) == ["gw-1", "gw-10"]
    password = now["mqtt_gw-1"].decode().strip()
    assert password not in now["mosquitto_passwords"].decode()
    _, *rows = now["emqx_users.csv"].decode().splitlines()
    assert len(rows) == 2
    user, digest, salt, is_superuser = rows[-1].split(",")
    assert (user, is_superuser) == ("gw-1", "false")
    assert digest == hashlib.sha256(f"{password}{salt}".encode()).hexdigest()


@pytest.mark.parametrize("user", ["", "a:b", "a b", "#", "+", "../x", "A"])
def test_what_is_no_user_gets_no_password(folder: Path, user: str) -> None:
    find_or_skip("mosquitto_passwd", "mosquitto")
    done = script("make-passwords", "gw-1", user, secrets=folder)
    assert done.returncode == 1
    assert not folder.exists()


def test_both_brokers_know_the_same_roles() -> None:
    acl, emqx = (DEPLOY / "mosquitto" / "acl").read_text(), (DEPLOY / "emqx" / "acl.conf").read_text()
    roles = {line.split()[1] for line in acl.splitlines() if line.startswith("user ")}
    assert roles == {"ingest", "simulators", "bridge", "foreign"}
    for role in roles:
        assert f'{{username, "{role}"}}' in emqx
    for line in acl.splitlines():
        topic = line.split()[-1].replace("%u", "${username}") if line.startswith(("topic", "pattern")) else ""
        assert not topic or f'"{topic}"' in emqx, topic
    assert emqx.rstrip().endswith("{deny, all}.")
