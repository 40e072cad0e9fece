"""What the version before wrote is understood, and it understands what we write (as far as ADR 0016 says)."""

from pathlib import Path
from typing import Any

import msgspec

from city.errors import Reason
from city.wire import pack, receipt, status

_OLD = Path(__file__).resolve().parents[2] / "version_1"
_SPOOL = "7869aa05b15ba743"
_AT_NS = 1_763_870_000 * 10**9


def fields(payload: bytes) -> dict[str, Any]:
    return msgspec.json.decode(payload, type=dict[str, Any])


def test_a_pack_of_version_1_is_read() -> None:
    found = pack.decode((_OLD / "pack.msgpack").read_bytes(), "gw-test")
    assert (found.spool, found.seq, found.offset, found.count()) == (_SPOOL, 2, 4, 5)
    (block,) = found.readings
    assert [reading.values["temperature"] for reading in pack.to_batch(block).readings()] == [24.0, 25.0, 26.0, 27.0]
    assert [item.reason for item in found.undecoded] == [Reason.NOT_UTF8]


def test_a_receipt_of_version_1_is_read() -> None:
    found = receipt.decode((_OLD / "receipt.json").read_bytes())
    assert found == receipt.Receipt(_SPOOL, [(1, 2)], _AT_NS)


def test_a_gateway_of_version_1_finds_the_fields_of_its_receipts() -> None:
    old, new = (_OLD / "receipt.json").read_bytes(), receipt.encode(receipt.Receipt(_SPOOL, [(1, 2)], _AT_NS))
    assert fields(new).items() >= fields(old).items()


def test_a_status_of_version_1_is_read() -> None:
    found = status.decode((_OLD / "status.json").read_bytes())
    assert (found.online, found.spool, found.pending, found.packs) == (True, _SPOOL, 13, 3)
    assert found.health is not None
    assert found.health.inputs == {"http": status.InputHealth(12, 1, _AT_NS, {"not_utf8": 1})}


def test_ingest_of_version_1_finds_the_fields_of_a_status_that_it_reads() -> None:
    old = (_OLD / "status.json").read_bytes()
    was, now = fields(old), fields(status.encode(status.decode(old)))
    assert {key: now[key] for key in was if key != "health"} == {key: was[key] for key in was if key != "health"}
