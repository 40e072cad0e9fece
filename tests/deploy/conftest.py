"""A folder of secrets made by the shipped scripts, and a mosquitto that runs with the shipped configuration."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.own_city import City, make_secrets, own_broker

USERS = (
    "ingest",
    "simulators",
    "foreign",
    "bridge",
    "gateway:gw-1",
    "gateway:gw-2",
    "device:pm-7",
    "device:pack",
)


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of secrets for all tests that only read it."""
    return make_secrets(tmp_path_factory.mktemp("deploy") / "secrets", *USERS)


@pytest.fixture(scope="session")
def city(secrets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """Give a mosquitto with the shipped configuration."""
    with own_broker(secrets, tmp_path_factory.mktemp("broker")) as made:
        yield made


@pytest.fixture
def strict_city(secrets: Path, tmp_path: Path) -> Iterator[City]:
    """Give one that asks for certificates too, as docs/deployment.md describes it."""
    with own_broker(secrets, tmp_path, f"require_certificate true\ncafile {secrets}/ca.crt\n") as made:
        yield made
