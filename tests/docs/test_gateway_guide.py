"""Every configuration that the guides and examples show is read by the gateway's own loaders."""

import json
from pathlib import Path
from typing import Final

import pytest

from gateway.config import load_config
from gateway.decoders import Origin
from gateway.inputs.credentials import HttpAuth
from gateway.inputs.http import HttpTable
from gateway.naming import Decoding
from korat.settings import PlatformSettings
from support.pages import ROOT, Block, blocks

SECRETS: Final = {
    "dispatch.secret": "a secret of the test",
    "pseudonyms.key": "0123456789" * 4,
    "tokens.txt": "a-token-of-the-test\n",
}
BLOCKS: Final = [
    pytest.param(block, id=str(block)) for page in ("gateway", "engineer") for block in blocks(ROOT / f"docs/{page}.md")
]
EXAMPLES: Final = [pytest.param(file, id=file.name) for file in sorted((ROOT / "docs" / "examples").glob("*.toml"))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder in which the secrets are that the guide speaks of."""
    for name, secret in SECRETS.items():
        (tmp_path / name).write_text(secret)
    return tmp_path


def load(file: Path) -> None:
    config = load_config(file)
    for table in config.inputs:
        if isinstance(table, HttpTable):
            HttpAuth.from_tables(table.host, table.token, table.hook, config.folder)


@pytest.mark.parametrize("block", [each for each in BLOCKS if each.values[0].language == "toml"])  # type: ignore[union-attr]
def test_a_configuration_in_a_guide_is_accepted(block: Block, folder: Path) -> None:
    name = block.lines[0].removeprefix("# ")
    file = folder / name
    file.write_text(block.text, "utf-8")
    if name == "gateway.toml":
        load(file)
    elif name == "korat.toml":
        PlatformSettings.load(file)
    else:
        assert name == "mapping.toml", f"{block}: its first line says which file it is"


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_accepted(example: Path, folder: Path) -> None:
    file = folder / "gateway.toml"
    file.write_bytes(example.read_bytes())
    load(file)


def guide(begin: str) -> Block:
    """Find the block of the gateway's guide in which this line stands."""
    (found,) = [block for block in blocks(ROOT / "docs" / "gateway.md") if any(begin in line for line in block.lines)]
    return found


def understood(folder: Path, table: str, origin: Origin, payload: bytes) -> dict[str, dict[str, float]]:
    """Decode under a configuration of the guide; device to values."""
    file = folder / "gateway.toml"
    file.write_text(guide(table).text, "utf-8")
    readings, undecoded = Decoding(load_config(file).naming).decode(origin, payload, 1_795_400_000 * 10**9)
    assert not undecoded
    return {reading.device: reading.values for reading in readings}


def test_the_document_of_the_guide_is_read_as_it_says(folder: Path) -> None:
    origin = Origin("poll", "mapped", {"mapping": "stations"})
    found = understood(folder, 'name = "stations"', origin, guide('{"data"').text.encode())
    assert found["stations-7"] == {"humidity": 61, "temperature": pytest.approx(28.0)}
    assert found["stations-8"] == {"humidity": 58}


def test_the_table_of_the_guide_is_read_as_it_says(folder: Path) -> None:
    header, *lines = (line.split(",") for line in guide("well,time").lines)
    rows = [dict(zip(header, cells, strict=True)) for cells in lines if "abc" not in cells]
    origin = Origin("folder", "mapped", {"mapping": "wells"})
    found = understood(folder, 'name = "wells"', origin, json.dumps(rows).encode())
    assert found == {"wells-w-1-x1b2ffd1edefc": {"level": 4.12, "battery": 88}, "wells-w-3-xac01b82cce14": {"level": 3.88}}


def test_the_names_of_the_guide_are_given(folder: Path) -> None:
    uplink = {
        "time": "2026-11-23T06:20:00Z",
        "deviceInfo": {"devEui": "a84041b2c1d00001"},
        "data": "AA==",
        "object": {"level_mm": 2900, "bat": 88},
        "rxInfo": [{"rssi": -90, "snr": 5}],
    }
    found = understood(folder, "level_mm", Origin("http", "chirpstack", {}), json.dumps(uplink).encode())
    assert found == {"klong-7": {"level": 2.9, "battery": 88, "rssi": -90}}
