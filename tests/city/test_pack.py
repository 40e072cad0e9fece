"""Packs: columns there and back, and a reason for whatever is no pack."""

from collections import defaultdict

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.batch import Batch, concat
from city.errors import Malformed, Reason
from city.reading import Reading
from city.wire import pack
from support.readings import readings


def packed(rows: list[Reading], seq: int = 1) -> bytes:
    kinds: dict[str, list[Reading]] = defaultdict(list)
    for row in rows:
        kinds[row.kind].append(row)
    blocks = [pack.to_block(Batch.from_readings(kind)) for kind in kinds.values()]
    undecoded = [pack.Undecoded("http:native?device=x", b"\x00garbage", 5, "malformed_json", "no JSON")]
    return pack.encode(pack.Pack("gw-1", "b0", seq, 0, blocks, undecoded))


def unpacked(payload: bytes) -> list[Reading]:
    return [row for block in pack.decode(payload, "gw-1").readings for row in pack.to_batch(block).readings()]


def by_kind(rows: list[Reading]) -> list[Reading]:
    kinds = list(dict.fromkeys(row.kind for row in rows))
    return sorted(rows, key=lambda row: kinds.index(row.kind))


@given(st.lists(readings(), min_size=1, max_size=12))
def test_readings_come_out_as_they_went_in(rows: list[Reading]) -> None:
    payload = packed(rows)
    assert unpacked(payload) == by_kind(rows)
    assert pack.decode(payload, "gw-1").count() == len(rows) + 1


@given(st.lists(readings(), min_size=1, max_size=3))
@settings(max_examples=20)
def test_every_truncation_has_a_reason(rows: list[Reading]) -> None:
    payload = packed(rows)
    for end in range(len(payload)):
        with pytest.raises(Malformed) as caught:
            pack.decode(payload[:end], "gw-1")
        assert caught.value.reason in {Reason.PACK_MALFORMED, Reason.EMPTY}


@given(st.lists(readings(), min_size=1, max_size=3), st.data())
@settings(max_examples=200)
def test_a_corrupt_byte_gives_readings_or_a_reason(rows: list[Reading], data: st.DataObject) -> None:
    payload = bytearray(packed(rows))
    place = data.draw(st.integers(0, len(payload) - 1))
    payload[place] ^= data.draw(st.integers(1, 255))
    try:
        unpacked(bytes(payload))
    except Malformed as error:
        assert error.reason in Reason


@given(st.binary(max_size=200))
def test_any_bytes_have_a_reason(payload: bytes) -> None:
    with pytest.raises(Malformed):
        pack.decode(payload, "gw-1")


def test_a_foreign_version_is_named_even_when_its_form_is_unknown() -> None:
    payload = msgspec.msgpack.encode({"v": 3, "gateway": "gw-1", "rows": "something else"})
    with pytest.raises(Malformed, match="version 3") as caught:
        pack.decode(payload, "gw-1")
    assert caught.value.reason is Reason.PACK_VERSION


def test_a_pack_on_the_topic_of_another_gateway_is_foreign() -> None:
    with pytest.raises(Malformed) as caught:
        pack.decode(packed([Reading("a", "rain", 1, {"battery": 1.0})]), "gw-2")
    assert caught.value.reason is Reason.PACK_FOREIGN


def block(**changes: object) -> pack.Block:
    good = pack.to_block(Batch.from_readings([Reading("a", "rain", 10, {"battery": 1.0}, 14.0, 102.0)]))
    return msgspec.structs.replace(good, **changes)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (block(kind="spaceship"), Reason.UNKNOWN_KIND),
        (block(devices=["UPPER"]), Reason.BAD_DEVICE),
        (block(devices=[]), Reason.PACK_MALFORMED),
        (block(index=b"\x01\x00"), Reason.PACK_MALFORMED),
        (block(index=b"\x00"), Reason.PACK_MALFORMED),
        (block(time_ns=b""), Reason.PACK_MALFORMED),
        (block(time_ns=np.array([-1], "<i8").tobytes()), Reason.BAD_TIME),
        (block(values={}), Reason.NO_VALUES),
        (block(values={"time": bytes(8)}), Reason.BAD_QUANTITY),
        (block(values={"battery": np.array([np.inf]).tobytes()}), Reason.NOT_FINITE),
        (block(values={"battery": np.array([np.nan]).tobytes()}), Reason.NO_VALUES),
        (block(position=np.array([91.0, 0.0]).tobytes()), Reason.BAD_POSITION),
        (block(position=np.array([14.0, np.nan]).tobytes()), Reason.BAD_POSITION),
        (block(position=bytes(8)), Reason.PACK_MALFORMED),
        (block(flags={"battery": b"\x07"}), Reason.PACK_MALFORMED),
        (block(flags={"other": b"\x01"}), Reason.PACK_MALFORMED),
    ],
)
def test_a_broken_block_has_its_reason(broken: pack.Block, reason: Reason) -> None:
    with pytest.raises(Malformed) as caught:
        pack.to_batch(broken)
    assert caught.value.reason is reason


def test_rows_at_0_0_have_no_position_and_their_neighbours_keep_theirs() -> None:
    rows = [Reading("a", "rain", at, {"battery": 1.0}, 14.0, 102.0) for at in (10, 11, 12)]
    sent = pack.to_block(Batch.from_readings(rows))
    sent.position = np.array([0.0, 14.0, 0.0, 0.0, 102.0, 102.0]).tobytes()
    found = pack.to_batch(sent).readings()
    assert [(one.lat, one.lon) for one in found] == [(None, None), (14.0, 102.0), (0.0, 102.0)]
    assert [one.values for one in found] == [{"battery": 1.0}] * 3


@given(st.lists(st.lists(readings(st.just("weather")), min_size=1, max_size=5), min_size=1, max_size=5))
def test_batches_join_without_change(parts: list[list[Reading]]) -> None:
    joined = concat([Batch.from_readings(part) for part in parts])
    assert joined.readings() == [row for part in parts for row in part]
