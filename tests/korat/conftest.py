"""What the tests of the command line share."""

import sys
from pathlib import Path

import pytest

# test folders are no packages; this lets the tests name the types of these
sys.path.append(str(Path(__file__).parent))

from own_platform import Platform


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    """Give a platform with a data folder of its own, not started yet."""
    folder = tmp_path / "data of a city"
    folder.mkdir(mode=0o700)
    return Platform(folder)
