"""What the gateway's tests share: a stand-in for ingest, and a relay with short patience."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.mosquitto import Mosquitto

# test folders are no packages; this lets the tests name the types of these two
sys.path.append(str(Path(__file__).parent))

from fake_ingest import FakeIngest
from rig import Rig


@pytest.fixture
def ingest(broker: Mosquitto) -> Iterator[FakeIngest]:
    """Give a stand-in for ingest that answers each pack with a receipt."""
    with FakeIngest(broker.port) as fake:
        yield fake


@pytest.fixture
def rig(broker: Mosquitto, tmp_path: Path) -> Rig:
    """Give a relay that is not started yet, on this test's broker."""
    return Rig(broker.port, tmp_path / "gw.spool")
