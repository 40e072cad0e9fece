"""A folder of secrets made by the shipped scripts, and a mosquitto that runs with the shipped configuration."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# test folders are no packages; this lets the tests name the types of these
sys.path.append(str(Path(__file__).parent))

from own_city import DEPLOY, FILES, City, script

from support.ports import accepts, free_port
from support.process import Process, find_or_skip

USERS = ("ingest", "simulators", "foreign", "bridge", "gw-1", "gw-2", "pm-7", "pack")


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of secrets for all tests that only read it."""
    find_or_skip("openssl", "openssl")
    find_or_skip("mosquitto_passwd", "mosquitto")
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    for command in (
        ("make-secrets",),
        ("make-certificates", "broker"),
        ("make-certificates", "client", "gw-1"),
        ("make-passwords", *USERS),
    ):
        done = script(*command, secrets=folder)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def city(secrets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """Give a mosquitto with the shipped configuration and ACL; only the container's paths and port differ."""
    with _mosquitto(secrets, tmp_path_factory.mktemp("broker"), "") as made:
        yield made


@pytest.fixture
def strict_city(secrets: Path, tmp_path: Path) -> Iterator[City]:
    """Give one that asks for certificates too, as docs/deployment.md describes it."""
    with _mosquitto(secrets, tmp_path, f"require_certificate true\ncafile {secrets}/ca.crt\n") as made:
        yield made


@contextmanager
def _mosquitto(secrets: Path, folder: Path, more: str) -> Iterator[City]:
    program = find_or_skip("mosquitto", "mosquitto")
    port = free_port()
    text = (DEPLOY / "mosquitto" / "mosquitto.conf").read_text()
    text = re.sub(r"/run/secrets/(\w+)", lambda found: str(secrets / FILES.get(found[1], found[1])), text)
    text = text.replace("/mosquitto/config/", f"{DEPLOY}/mosquitto/").replace("/mosquitto/data/", f"{folder}/")
    text = text.replace("listener 8883\n", f"listener {port} 127.0.0.1\n{more}")
    configuration = folder / "mosquitto.conf"
    # as root it would become a user who may not read the test's folder
    configuration.write_text(text + ("user root\n" if os.geteuid() == 0 else ""))
    with Process([program, "-c", configuration], folder, name="mosquitto", ready=lambda: accepts(port)) as process:
        yield City(port, secrets, process)
