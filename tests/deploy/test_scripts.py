"""The scripts that make secrets: they overwrite nothing, and what they make fits together."""

import hashlib
import json
import re
import stat
import subprocess
from pathlib import Path

import pytest

from support.own_city import DEPLOY, script
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
    assert script("make-passwords", "gateway:gw-1", "gateway:gw-10", secrets=folder).returncode == 0
    made = contents(folder)
    assert script("make-passwords", "gateway:gw-1", secrets=folder).returncode == 0
    assert contents(folder) == made
    (folder / "mqtt_gw-1").unlink()
    assert script("make-passwords", "gateway:gw-1", secrets=folder).returncode == 0
    now = contents(folder)
    assert now["mqtt_gw-1"] != made["mqtt_gw-1"]
    assert now["mqtt_gw-10"] == made["mqtt_gw-10"]
    users = {one["username"]: one for one in json.loads(now["mosquitto_users.json"])["clients"]}
    assert sorted(users) == ["gw-1", "gw-10"]
    assert users["gw-1"]["clientid"] == "korat-gateway-th-30-gw-1"
    password = now["mqtt_gw-1"].decode().strip()
    assert password not in now["mosquitto_users.json"].decode()
    _, *rows = now["emqx_users.csv"].decode().splitlines()
    assert len(rows) == 2
    (row,) = [one for one in rows if one.startswith("gw-1,")]
    user, digest, salt, is_superuser = row.split(",")
    assert (user, is_superuser) == ("gw-1", "false")
    assert digest == hashlib.sha256(f"{password}{salt}".encode()).hexdigest()


@pytest.mark.parametrize(
    "user",
    [
        "",
        "gw-2",
        "gateway",
        "device:",
        "device:a b",
        "device:#",
        "device:+",
        "device:../x",
        "device:A",
        "device:ingest",
        "device:pm-7:korat-ingest-1",
        "device:pm-7:korat-gateway-th-30-gw-1",
        "bridge:b:korat-gateway-th-30-gw-1",
        "ingest:ingest:one-id",
    ],
)
def test_what_is_no_user_gets_no_password(folder: Path, user: str) -> None:
    done = script("make-passwords", "gateway:gw-1", user, secrets=folder)
    assert done.returncode == 1
    assert done.stderr.startswith("korat: ")
    assert not folder.exists()


def test_one_name_and_one_client_id_are_one_user_s(folder: Path) -> None:
    assert script("make-passwords", "device:pm-7", secrets=folder).returncode == 0
    made = contents(folder)
    for other in ("gateway:pm-7", "device:pm-8:pm-7"):
        assert script("make-passwords", other, secrets=folder).returncode == 1
        assert contents(folder) == made


def test_a_user_that_is_removed_is_in_no_file(folder: Path) -> None:
    assert script("make-passwords", "device:pm-7", "device:pm-70", secrets=folder).returncode == 0
    made = contents(folder)
    assert script("make-passwords", "--remove", "pm-7", secrets=folder).returncode == 0
    now = contents(folder)
    assert sorted(now) == ["emqx_users.csv", "mosquitto_users.json", "mqtt_pm-70"]
    assert now["mqtt_pm-70"] == made["mqtt_pm-70"]
    known = json.loads(now["mosquitto_users.json"])
    assert [one["username"] for one in known["clients"]] == ["pm-70"]
    assert [one["rolename"] for one in known["roles"]] == ["device:pm-70"]
    assert [line.partition(",")[0] for line in now["emqx_users.csv"].decode().splitlines()] == ["user_id", "pm-70"]
    assert script("make-passwords", "--remove", "pm-7", secrets=folder).returncode == 1


def test_a_client_id_that_a_device_can_t_change_is_taken(folder: Path) -> None:
    assert script("make-passwords", "device:pm-7:AirGradient-84ce", secrets=folder).returncode == 0
    before = contents(folder)["mqtt_pm-7"]
    assert script("make-passwords", "device:pm-7:AirGradient-84cf", secrets=folder).returncode == 0
    (user,) = json.loads(contents(folder)["mosquitto_users.json"])["clients"]
    assert (user["clientid"], contents(folder)["mqtt_pm-7"]) == ("AirGradient-84cf", before)


def test_both_brokers_know_the_same_roles(folder: Path) -> None:
    roles = ("ingest", "simulators", "bridge", "foreign")
    done = script("make-passwords", *roles, "gateway:gw-1", "device:pm-7", secrets=folder)
    assert done.returncode == 0, done.stderr
    emqx = (DEPLOY / "emqx" / "acl.conf").read_text()
    for role in roles:
        assert f'{{username, "{role}"}}' in emqx
    for role in json.loads(contents(folder)["mosquitto_users.json"])["roles"]:
        for acl in role["acls"]:
            # EMQX looks at a shared subscription by its topic
            topic = acl["topic"].replace("gw-1", "${username}").replace("pm-7", "${username}")
            assert f'"{topic.removeprefix("$share/+/")}"' in emqx, topic
    assert emqx.rstrip().endswith("{deny, all}.")


def test_emqx_gives_no_two_users_one_session() -> None:
    """It puts the user's name and a character before the client id: none that a name may have."""
    between = re.search(
        r"""clientid_override = "concat\(\[username, '(.)', clientid\]\)\"""",
        (DEPLOY / "emqx" / "emqx.conf").read_text(),
    )
    name = re.search(r'NAME = re.compile\(r"(.*)"\)', (DEPLOY / "make-passwords").read_text())
    assert between is not None
    assert name is not None
    assert re.fullmatch(name[1], "a-b.c_d")
    assert not re.fullmatch(name[1], f"a{between[1]}b")
