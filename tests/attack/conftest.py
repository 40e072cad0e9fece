"""The city's broker as it is shipped, fresh for each attack, and one device with a password of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.own_city import City, make_secrets, own_broker

USERS = ("ingest", "foreign", "bridge", "gateway:gw-1", "gateway:gw-2", "device:pm-7", "device:pm-8")


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of secrets for all attacks that only read it."""
    return make_secrets(tmp_path_factory.mktemp("attack") / "secrets", *USERS)


@pytest.fixture
def city(secrets: Path, tmp_path: Path) -> Iterator[City]:
    """Give a mosquitto with the shipped configuration."""
    with own_broker(secrets, tmp_path) as made:
        yield made
