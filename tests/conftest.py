"""What every test may ask for: real servers of its own, and recorded data."""

import os
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from support.influx import Influx
from support.mosquitto import Mosquitto
from support.postgres import Postgres

pytest_plugins = ("support.skips",)

_CHECKOUT = Path(__file__).resolve().parents[1]
_numbers = count(1)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """Give a mosquitto for this test alone."""
    with Mosquitto(tmp_path / "mosquitto") as server:
        yield server


@pytest.fixture(scope="session")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx]:
    """Give the InfluxDB that all tests share; each makes its own database in it."""
    with Influx(tmp_path_factory.mktemp("influx")) as server:
        yield server


@pytest.fixture
def influx_database(influx: Influx) -> Iterator[str]:
    """Give the name of an empty InfluxDB database for this test alone."""
    if not influx.running:
        influx.start()
    name = f"test_{next(_numbers)}"
    influx.create_database(name)
    yield name
    if influx.running:
        influx.drop_database(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Give the PostgreSQL that all tests share; each makes its own database in it."""
    with tempfile.TemporaryDirectory(prefix="korat-postgres-") as folder, Postgres(Path(folder)) as server:
        yield server


@pytest.fixture
def postgres_database(postgres: Postgres) -> Iterator[str]:
    """Give the SQLAlchemy address of an empty PostgreSQL database for this test alone."""
    if not postgres.running:
        postgres.start()
    name = f"test_{next(_numbers)}"
    postgres.create_database(name)
    yield postgres.database_url(name)
    if postgres.running:
        postgres.drop_database(name)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Give the folder of recorded data: KORAT_SHARED_DATA, or `../shared/data` beside the checkout."""
    folder = Path(os.environ.get("KORAT_SHARED_DATA") or _CHECKOUT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"there is no recorded data in {folder}: set KORAT_SHARED_DATA to where it is")
    return folder
