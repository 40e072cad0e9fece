"""No message, however strange, may do more than go to quarantine: one that raises would stop ingest at each start."""

import json
import time
from collections.abc import Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from city import topics
from city.batch import NOWHERE, Batch
from city.ledger.port import PackId, Settlement
from city.mqtt import Message
from city.reading import Reading
from city.wire import pack
from ingest.budgets import Budgets
from ingest.check import Checked, check
from ingest.load import FlushInput, Loader
from ingest.receipts import receipts
from ingest.settings import IngestSettings
from ingest.settle import settlement

NOW_NS = time.time_ns()
DIRECT = topics.direct("th-30", "rain", "r-1")
PACK = topics.pack("th-30", "gw-1")
STATUS = topics.status("th-30", "gw-1")


class Nothing:
    """A memory of nothing."""

    def has_pack(self, pack: PackId) -> bool:
        return not pack

    def has_fingerprint(self, fingerprint: int) -> bool:
        return fingerprint < 0


def flushed(messages: Iterable[tuple[str, bytes]], **settings: int) -> tuple[FlushInput, Checked, Settlement]:
    """Take messages as far as they come without store and ledger."""
    taken = FlushInput()
    received = [Message(topic, payload, NOW_NS + number) for number, (topic, payload) in enumerate(messages)]
    Loader(Budgets(IngestSettings.model_validate(settings)), {}).load(received, taken)
    checked = check(taken, Nothing(), {}, NOW_NS, 300)
    flush = settlement(checked, [], {})
    receipts(taken)
    for counts in flush.counts.values():
        assert counts.is_balanced(), counts
    assert sum(counts.received for counts in flush.counts.values()) == taken.readings
    for traced in checked.batches:
        assert len(traced.batch.places) == len(traced.batch.devices)
        assert NOWHERE not in [traced.batch.places[number] for number in traced.batch.index]
    return taken, checked, flush


def frame(*blocks: pack.Block, seq: int = 1, undecoded: int = 0) -> pack.Pack:
    left = [pack.Undecoded("http:native", b"\0", 2**64 - 1, "\0")] * undecoded
    return pack.Pack("gw-1", "spool", seq, 0, list(blocks), left)


def block(devices: int = 2, kind: str = "rain") -> pack.Block:
    rows = [
        Reading(f"d-{n}", kind, NOW_NS - n, {"rain_rate": float(n)}, 15.0, 102.0, {"rain_rate": 3})
        for n in range(devices)
    ]
    return pack.to_block(Batch.from_readings(rows))


VALID = pack.encode(frame(block(), block(1, "vehicle"), undecoded=1))
words = st.sampled_from(["city", "th-30", "smart_city", "rain", "gateway", "gw-1", "pack", "status", "receipt", "d"])
any_topic = st.one_of(
    st.sampled_from([DIRECT, PACK, STATUS]), st.lists(words | st.text(max_size=3), max_size=7).map("/".join)
)


def _object(inner: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    keys = st.sampled_from(["ts", "values", "lat", "lon", "rain_rate", "online", "spool", "pending", "at_ns", "v"])
    return st.dictionaries(keys | st.text(max_size=4), inner, max_size=4)


numbers = st.none() | st.integers() | st.floats() | st.booleans() | st.text(max_size=4)
objects = st.recursive(numbers, lambda inner: st.lists(inner, max_size=3) | _object(inner), max_leaves=8)


any_payload = st.binary(max_size=40) | objects.map(lambda made: json.dumps(made).encode())


@given(st.lists(st.tuples(any_topic, any_payload), max_size=5))
@settings(max_examples=200, deadline=None)
@example([(STATUS, b'{"online": true, "x": ' + b"[" * 200_000)])
@example([(DIRECT, b'{"ts": ' + b"1" * 4301 + b', "values": {"a": 1}}')])
@example([(DIRECT, b'{"ts": "9999-12-31T23:59:59-23:59", "values": {"a": 1}}')])
def test_no_payload_does_more_than_go_to_quarantine(messages: list[tuple[str, bytes]]) -> None:
    flushed(messages)


@given(
    changes=st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.booleans(),
)
@settings(max_examples=400, deadline=None)
def test_no_mutated_pack_does_more_than_go_to_quarantine(changes: list[tuple[int, int]], *, cut: bool) -> None:
    mutated = bytearray(VALID)
    for place, byte in changes:
        mutated[place] = byte
    flushed([(PACK, bytes(mutated[: changes[0][0]] if cut else mutated)), (PACK, VALID)])


def _blocks() -> st.SearchStrategy[pack.Block]:
    cells = st.sampled_from([b"", b"\0\0", b"\1\0", b"\0\0\1\0", b"\0" * 8, b"\xff" * 8, b"\0" * 16, b"\4", b"\x63\4"])
    keys = st.sampled_from(["rain_rate", "battery", "lat", "BAD", "x_qc"])
    return st.builds(
        pack.Block,
        st.sampled_from(["rain", "vehicle", "none", ""]),
        st.lists(st.sampled_from(["a", "b", "-", ""]), max_size=3),
        cells,
        cells,
        st.dictionaries(keys, cells, max_size=2),
        cells,
        st.dictionaries(keys, cells, max_size=2),
    )


@given(st.lists(_blocks(), max_size=3), st.integers(0, 2))
@settings(max_examples=400, deadline=None)
@example([pack.Block("rain", ["a", "b"], b"\0\0", b"\0" * 8, {"rain_rate": b"\0" * 8})], 0)
@example([pack.Block("rain", ["a", "a"], b"\0\0\1\0", b"\0" * 16, {"rain_rate": b"\0" * 16})], 0)
def test_no_made_up_pack_does_more_than_go_to_quarantine(blocks: list[pack.Block], undecoded: int) -> None:
    flushed([(PACK, pack.encode(frame(*blocks, undecoded=undecoded))), (PACK, pack.encode(frame(block(), seq=2)))])


def test_a_pack_may_name_a_device_of_which_it_holds_nothing() -> None:
    idle = block()
    idle.devices.append("idle")
    _, checked, flush = flushed([(PACK, pack.encode(frame(idle)))])
    assert len(checked.batches[0].batch) == 2
    assert [new.device for new in flush.devices] == ["d-0", "d-1"]


def test_a_block_that_names_a_device_twice_is_refused() -> None:
    # two numbers for one device would hide from the store that two rows are of one instant
    twice = block()
    twice.devices[1] = "d-0"
    _, checked, flush = flushed([(PACK, pack.encode(frame(twice)))])
    assert [payload.reason for payload in flush.quarantined] == ["pack_malformed"]
    assert not checked.batches


@pytest.mark.parametrize("spool", ["\0", "\ud800", "x" * 100_000])
def test_a_status_with_an_impossible_spool_never_reaches_the_database(spool: str) -> None:
    taken, _, _ = flushed([(STATUS, json.dumps({"online": True, "spool": spool}).encode())])
    assert len(taken.refused) == 1
    assert not taken.statuses


@pytest.mark.parametrize("topic", [PACK, STATUS])
def test_what_a_gateway_repeats_for_ever_is_kept_once(topic: str) -> None:
    _, checked, flush = flushed([(topic, b"{")] * 5)
    assert len(flush.quarantined) == 1
    assert sum(checked.duplicates.values()) == 4
    assert len(flush.fingerprints) == 2


def test_equal_garbage_of_a_device_may_be_two_measurements_and_is_kept_twice() -> None:
    assert len(flushed([(DIRECT, b"{")] * 2)[2].quarantined) == 2


def test_a_quantity_named_like_the_time_is_no_time() -> None:
    _, checked, _ = flushed([(DIRECT, b'{"values": {"ts": 4}}')] * 2)
    assert (len(checked.batches[0].batch), sum(checked.duplicates.values())) == (2, 0)


def test_a_gateway_whose_clock_ran_ahead_is_believed_again_once_it_is_right() -> None:
    said = [{"online": True, "at_ns": 4 * 10**18}, {"online": True, "at_ns": NOW_NS - 5}, {"online": False}]
    taken, _, _ = flushed([(STATUS, json.dumps(one).encode()) for one in said])
    assert [status.at_ns for status in taken.statuses] == [NOW_NS, NOW_NS - 5, NOW_NS + 2]


def test_many_unknown_quantities_take_little_memory() -> None:
    rows = [
        (topics.direct("th-30", "rain", f"r-{n}"), json.dumps({"values": {f"q{n}_{k}": k for k in range(64)}}).encode())
        for n in range(200)
    ]
    _, checked, _ = flushed(rows, new_quantities=10**6)
    assert sum(len(traced.batch) for traced in checked.batches) == 200
    assert sum(len(traced.batch) * len(traced.batch.values) for traced in checked.batches) <= 200 * 256


def test_a_fleet_that_names_every_value_anew_is_held_before_the_store_bursts() -> None:
    rows = [
        (topics.direct("th-30", "rain", f"r-{n}"), json.dumps({"values": {f"q{n}_{k}": k for k in range(50)}}).encode())
        for n in range(200)
    ]
    taken, checked, _ = flushed([*rows, (DIRECT, b'{"values": {"rain_rate": 1}}')])
    assert {refusal.payload.reason for refusal in taken.refused} == {"budget_quantities"}
    assert len({key for traced in checked.batches for key in traced.batch.values}) == 2_000 + 1
