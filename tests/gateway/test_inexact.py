"""Integers that a float can't keep are suspect, whichever door they came by."""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from rig import until
from stand_ins import FakeSpool, context

from city.batch import Batch
from city.reading import Flag, Reading
from city.tables import parse_table
from city.wire import direct
from gateway.decoders import Origin
from gateway.decoders.mapping import load_mapping
from gateway.decoders.sparkplug.node import Sessions
from gateway.inputs.folder import FolderInput, FolderTable
from gateway.naming import Decoding, Naming
from ingest.check import judge_ranges
from support.sparkplug import field, metric, payload

NOW: Final = 1_764_900_000 * 10**9
CARD: Final = 2**53 + 1
KEPT: Final = 2**53 - 1
INT64, UINT64 = 4, 8
MAPPING: Final = {"m": load_mapping("m", {"kind": "sensor", "device": "id", "values": {"card": "card"}})}


def decoded(decoder: str, body: object, parameters: Mapping[str, str]) -> list[Reading]:
    decoding = Decoding(Naming(mappings=MAPPING))
    readings, undecoded = decoding.decode(Origin("http", decoder, dict(parameters)), json.dumps(body).encode(), NOW)
    assert not undecoded
    return readings


def sparkplug(datatype: int, number: int) -> list[Reading]:
    birth = payload(0, metric("card", 1, datatype, field(11, number % 2**64)))
    completed = Sessions().complete(Origin("mqtt", "sparkplug", {"topic": "spBv1.0/g/NBIRTH/n"}), birth, NOW)
    readings, undecoded = Decoding().decode(completed.origin, completed.payload, NOW)
    assert not undecoded
    return readings


DOORS: Final[dict[str, Callable[[int], list[Reading]]]] = {
    "direct": lambda number: direct.decode(
        json.dumps({"values": {"card": number}}).encode(), kind="sensor", device="d-1", received_ns=NOW
    ),
    "native": lambda number: decoded("native", {"values": {"card": number}}, {"device": "d-1", "kind": "sensor"}),
    "senml": lambda number: decoded("senml", [{"bn": "d-1:", "n": "card", "v": number}], {}),
    "mapped": lambda number: decoded("mapped", {"id": "d-1", "card": number}, {"mapping": "m"}),
    "mapped text": lambda number: decoded("mapped", {"id": "d-1", "card": str(number)}, {"mapping": "m"}),
    "int64": lambda number: sparkplug(INT64, number),
    "uint64": lambda number: sparkplug(UINT64, abs(number)),
}


def flags(readings: list[Reading]) -> list[Any]:
    """Give the flags of what ingest stores, and how many values it counts."""
    batch = Batch.from_readings(readings)
    inexact = judge_ranges(batch)
    return [*(reading.flags["card"] for reading in batch.readings()), inexact]


@pytest.mark.parametrize("door", DOORS)
def test_digits_that_may_be_lost_are_told(door: str) -> None:
    for number in (CARD, -CARD, 2**63 - 1):
        assert flags(DOORS[door](number)) == [Flag.SUSPECT, 1], number
    for number in (KEPT, -KEPT, 0):
        (reading,) = DOORS[door](number)
        assert abs(reading.values["card"]) == abs(number)
        assert flags([reading]) == [Flag.NOT_EVALUATED, 0], number


async def test_of_a_csv_file_too(tmp_path: Path) -> None:
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "cards.csv").write_text(f"id,card\nd-1,{CARD}\nd-2,{KEPT}\n")
    spool = FakeSpool()
    given = {"name": "works", "path": "drop", "parameters": {"mapping": "m"}, "interval_s": 0.05, "settle_s": 0.1}
    decoding = Decoding(Naming(mappings=MAPPING))
    link = FolderInput(parse_table(FolderTable, given, "folder"), context(spool, decoding=decoding, data=tmp_path))
    await link.open()
    task = asyncio.create_task(link.run())
    await until(lambda: len(spool.readings) == 2)
    task.cancel()
    await asyncio.wait((task,))
    assert flags(spool.readings) == [Flag.SUSPECT, Flag.NOT_EVALUATED, 1]
