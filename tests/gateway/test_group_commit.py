"""What becomes one pack."""

import pytest

from city.reading import Reading
from city.wire import pack
from city.wire.pack import Undecoded
from gateway.outbox.group_commit import MAX_KEPT, MAX_UNDECODED, Contents, close_packs, encode


def call(readings: int, *undecoded: int) -> Contents:
    return Contents(
        [Reading("d", "weather", number, {"temperature": 1.0}) for number in range(readings)],
        [Undecoded("http:native", bytes(size), 1, "undecoded") for size in undecoded],
    )


def sizes(*calls: Contents) -> list[tuple[int, int]]:
    return [(len(part.readings), len(part.undecoded)) for part in close_packs(calls, 100)]


def test_small_calls_share_packs() -> None:
    assert sizes(*[call(1)] * 250) == [(100, 0), (100, 0), (50, 0)]
    assert sizes(call(60), call(60), call(60)) == [(120, 0), (60, 0)]


def test_a_large_call_stays_whole_up_to_the_most() -> None:
    assert sizes(call(900), call(1)) == [(900, 0), (1, 0)]
    assert sizes(call(60), call(950)) == [(60, 0), (950, 0)]
    assert sizes(call(2500)) == [(1000, 0), (1000, 0), (500, 0)]


def test_undecoded_bytes_close_a_pack() -> None:
    assert sizes(call(1, 200_000, 100_000, 100_000)) == [(1, 2), (0, 1)]
    assert sizes(call(0, *[10] * 150)) == [(0, 100), (0, 50)]
    assert sizes() == []


def test_of_very_large_undecoded_bytes_the_beginning_is_kept() -> None:
    item = Undecoded("poll:mapped", bytes(20 * 2**20), 1, "too_large", "much too large")
    (closed,) = close_packs([Contents([], [item])], 100)
    (kept,) = closed.undecoded
    assert (len(kept.payload), kept.reason) == (MAX_KEPT, "too_large")
    assert kept.detail == "much too large; the first 524288 of 20971520 bytes are kept"
    assert len(encode(closed, gateway="gw-1", spool="b" * 32, seq=1, offset=0)) < 2**20


def test_where_undecoded_bytes_came_from_counts_too() -> None:
    items = [Undecoded("mqtt:senml?topic=" + "%E0%B8%81" * 20_000, b"x", 1, "undecoded") for _ in range(100)]
    closed = list(close_packs([Contents([], items)], 100))
    assert sum(len(part.undecoded) for part in closed) == 100
    assert all(len(encode(part, gateway="gw-1", spool="b" * 32, seq=1, offset=0)) < 2**20 for part in closed)


def test_what_is_closed_is_not_the_callers_list() -> None:
    mine = call(3)
    for part in close_packs([mine], 100):
        part.readings.clear()
    assert len(mine.readings) == 3


def test_blocks_hold_no_more_quantities_than_ingest_takes() -> None:
    readings = [
        Reading("d", "weather", row, {f"q{row}_{number}": float(number) for number in range(64)}) for row in range(20)
    ]
    readings.append(Reading("w", "rain", 5, {"rain_rate": 1.0}))
    payload = encode(Contents(readings, []), gateway="gw", spool="b", seq=1, offset=0)
    got = pack.decode(payload, "gw")
    assert [row for block in got.readings for row in pack.to_batch(block).readings()] == readings
    assert all(len(block.values) <= 256 for block in got.readings)


@pytest.mark.parametrize("rows", [250, 1000])
@pytest.mark.parametrize("columns", [1, 60, 100, 200, 256, 1000])
def test_packs_of_many_quantities_stay_below_what_brokers_take(columns: int, rows: int) -> None:
    readings = [
        Reading("d", "weather", row, {f"q{(row * 7 + number) % columns}": 1.0 for number in range(min(columns, 64))})
        for row in range(rows)
    ]
    few = Undecoded("poll:mapped", bytes(MAX_UNDECODED - 1), 1, "undecoded")
    item = Undecoded("poll:mapped", bytes(MAX_KEPT), 1, "undecoded")
    packs = list(close_packs([Contents([], [few]), Contents(readings, []), Contents([], [item])], 1000))
    assert [row for part in packs for row in part.readings] == readings
    assert [item for part in packs for item in part.undecoded] == [few, item]
    assert all(part.amount() for part in packs)
    assert max(len(encode(part, gateway="gw-1", spool="b" * 32, seq=1, offset=0)) for part in packs) < 2**20
    assert len(packs) <= columns // 50 + 3
