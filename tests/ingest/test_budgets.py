"""Budgets judge rows and charge devices: whoever is over one takes no neighbour along."""

import itertools
import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city import topics
from city.batch import Batch, Place
from city.ledger.port import DIRECT, PackId, QuarantinedPayload, Source
from city.mqtt import Message
from city.reading import Reading
from city.wire import pack
from ingest.budgets import Budgets
from ingest.check import Checked, check
from ingest.load import FlushInput, Loader
from ingest.settings import IngestSettings
from ingest.settle import settlement

NOW_NS = time.time_ns()
GATEWAY = topics.pack("th-30", "gw-1")


class Nothing:
    """A memory of nothing."""

    journal = 0

    def has_pack(self, pack: PackId) -> bool:
        return not pack

    def has_fingerprint(self, fingerprint: int) -> bool:
        return fingerprint < 0


class Door:
    """A loader that goes on from flush to flush."""

    def __init__(self, registered: dict[str, Place] | None = None, **settings: int) -> None:
        self.loader = Loader(Budgets(IngestSettings.model_validate(settings)), registered or {})
        self.seq = 0

    def flush(self, *messages: tuple[str, bytes]) -> Checked:
        taken = FlushInput()
        self.loader.load([Message(topic, payload, NOW_NS) for topic, payload in messages], taken)
        checked = check(taken, Nothing(), {}, NOW_NS, 300)
        flush = settlement(checked, [], {})
        for counts in flush.counts.values():
            assert counts.is_balanced(), counts
        assert sum(counts.received for counts in flush.counts.values()) == taken.readings
        return checked

    def pack(self, *readings: Reading, gateway: str = "gw-1") -> tuple[str, bytes]:
        self.seq += 1
        kinds = {reading.kind: [row for row in readings if row.kind == reading.kind] for reading in readings}
        blocks = [pack.to_block(Batch.from_readings(rows)) for rows in kinds.values()]
        return topics.pack("th-30", gateway), pack.encode(pack.Pack(gateway, "spool", self.seq, 0, blocks, []))


def truck(number: int) -> Reading:
    return Reading("truck", "vehicle", NOW_NS - number, {"speed": float(number)})


def inventor(*names: str, number: int = 0) -> Reading:
    return Reading("inventor", "vehicle", NOW_NS - number, dict.fromkeys(names, 1.0))


def stored(*flushes: Checked) -> dict[str, int]:
    rows: dict[str, int] = {}
    for checked in flushes:
        for traced in checked.batches:
            for row in traced.batch.index:
                device = traced.batch.devices[row]
                rows[device] = rows.get(device, 0) + 1
    return rows


def held(*flushes: Checked) -> list[QuarantinedPayload]:
    return [payload for checked in flushes for payload in checked.quarantined]


def test_a_device_that_invents_quantities_costs_its_neighbour_in_the_pack_nothing() -> None:
    door = Door(new_quantities=5)
    flushes = [door.flush(door.pack(truck(n), inventor(f"q{n}", number=n))) for n in range(100)]
    assert stored(*flushes) == {"truck": 100, "inventor": 5}
    assert {payload.source for payload in held(*flushes)} == {Source("gw-1", "inventor")}
    assert sum(payload.readings for payload in held(*flushes)) == 95
    assert {payload.reason for payload in held(*flushes)} == {"budget_quantities"}


def test_rows_of_the_offender_without_new_names_stay() -> None:
    door = Door(new_quantities=1)
    checked = door.flush(door.pack(inventor("q1", "q2"), inventor("q1", number=1), truck(1)))
    assert stored(checked) == {"inventor": 1, "truck": 1}
    (payload,) = held(checked)
    assert payload.readings == 1
    assert {key for traced in checked.batches for key in traced.batch.values} == {"q1", "speed"}


def test_what_is_held_back_can_be_read_again() -> None:
    door = Door(new_quantities=1)
    (payload,) = held(door.flush(door.pack(truck(1), inventor("q1", "q2"))))
    frame = pack.decode(payload.payload, "gw-1")
    (block,) = frame.readings
    assert pack.to_batch(block).readings() == [inventor("q1", "q2")]


def test_a_gateway_that_invents_devices_keeps_its_registered_ones() -> None:
    door = Door({"truck": Place("th-30")}, new_devices=3)
    flushes = [
        door.flush(door.pack(truck(n), *(Reading(f"d{n}-{k}", "vehicle", NOW_NS, {"speed": 1.0}) for k in range(4))))
        for n in range(5)
    ]
    other = door.flush(door.pack(Reading("elsewhere", "vehicle", NOW_NS, {"speed": 1.0}), gateway="gw-2"))
    counts = stored(*flushes, other)
    assert (counts.pop("truck"), counts.pop("elsewhere")) == (5, 1)
    assert len(counts) == 3
    assert {(payload.source, payload.reason) for payload in held(*flushes)} == {(Source("gw-1", ""), "budget_devices")}
    assert sum(payload.readings for payload in held(*flushes)) == 17


def test_a_device_that_floods_through_its_gateway_is_held_alone() -> None:
    door = Door(device_messages=10)
    flushes = [door.flush(door.pack(truck(n), *(inventor("speed", number=k) for k in range(6)))) for n in range(4)]
    assert stored(*flushes) == {"truck": 4, "inventor": 6}
    assert {(payload.source.device, payload.reason) for payload in held(*flushes)} == {("inventor", "budget_messages")}
    assert door.loader.budgets.rows["gw-1"].used[0, :2].tolist() == [4, 24]


def test_another_gateway_can_not_use_up_a_device() -> None:
    door = Door(device_messages=10)
    door.flush(door.pack(*(truck(n) for n in range(50)), gateway="gw-2"))
    assert stored(door.flush(door.pack(*(truck(n) for n in range(10))))) == {"truck": 10}


def test_a_block_that_can_not_be_read_leaves_the_others_of_its_pack() -> None:
    good, bad = (pack.to_block(Batch.from_readings([truck(n)])) for n in range(2))
    bad.kind = "none"
    payload = pack.encode(pack.Pack("gw-1", "spool", 1, 0, [bad, good], []))
    checked = Door().flush((GATEWAY, payload))
    assert stored(checked) == {"truck": 1}
    assert [(one.reason, one.readings) for one in held(checked)] == [("unknown_kind", 1)]


def direct(device: str, *names: str) -> tuple[str, bytes]:
    return topics.direct("th-30", "rain", device), json.dumps({"values": dict.fromkeys(names, 1)}).encode()


def test_a_direct_device_that_invents_quantities_leaves_its_province_room() -> None:
    door = Door(new_quantities=5)
    flushes = [door.flush(direct("inventor", f"q{n}")) for n in range(100)]
    flushes.append(door.flush(direct("innocent", "soil_ph")))
    assert stored(*flushes) == {"inventor": 5, "innocent": 1}


def test_a_row_over_the_budget_leaves_its_array_alone() -> None:
    door = Door(new_quantities=1)
    rows = [{"values": {"rain_rate": 1}}, {"values": {"q1": 1}}, {"values": {"q2": 1}}, {"values": {"rain_rate": 2}}]
    checked = door.flush((topics.direct("th-30", "rain", "r-1"), json.dumps(rows).encode()))
    assert stored(checked) == {"r-1": 3}
    (over,) = held(checked)
    assert (over.reason, over.readings, json.loads(over.payload)["values"]) == ("budget_quantities", 1, {"q2": 1})
    assert over.received_ns >= NOW_NS


def test_garbage_of_one_new_name_uses_up_one_new_name() -> None:
    door = Door(new_devices=2)
    flushes = [door.flush((topics.direct("th-30", "rain", "garbage"), b"{")) for _ in range(50)]
    flushes.append(door.flush(direct("innocent", "rain_rate")))
    assert stored(*flushes) == {"innocent": 1}


def test_invented_topics_share_one_account_of_the_ledger() -> None:
    door = Door(new_devices=2)
    checked = door.flush(*(direct(f"invented-{n}", "rain_rate") for n in range(50)))
    assert {(one.source, one.reason) for one in held(checked)} == {(Source(DIRECT, ""), "budget_devices")}
    assert len({one.topic for one in held(checked)}) == 48


def test_all_gateways_together_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.budgets.MAX_SOURCES", 3)
    door = Door(new_quantities=1)
    flushes = [
        door.flush(door.pack(Reading(f"d{n}", "rain", NOW_NS, {f"q{n}": 1.0}), gateway=f"gw-{n}")) for n in range(9)
    ]
    assert len(stored(*flushes)) == 3


def test_invented_topics_take_a_bounded_number_of_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.budgets.MAX_ACCOUNTS", 10)
    door = Door({f"d{n}": Place("th-30") for n in range(50)})
    door.flush(*(direct(f"d{n}", "rain_rate") for n in range(50)))
    assert len(door.loader.budgets.usage) <= 11


def test_a_new_hour_begins_from_zero() -> None:
    door = Door(device_messages=1, new_devices=1)
    door.flush(door.pack(truck(1), truck(2)))
    door.loader.budgets.start_hour(NOW_NS)
    assert stored(door.flush(door.pack(truck(3)))) == {"truck": 1}


HOUR_NS = 3_600 * 10**9


def backlog(hours: int, per_hour: int, device: str = "truck") -> list[Reading]:
    return [
        Reading(device, "vehicle", NOW_NS - hour * HOUR_NS - number, {"speed": 1.0})
        for hour in range(hours, 0, -1)
        for number in range(per_hour)
    ]


@pytest.mark.parametrize("readings", [1, 7, 100])
def test_a_backlog_of_days_is_charged_like_what_came_in_time(readings: int) -> None:
    door = Door(device_messages=10, gateway_messages=10, gateway_bytes=10_000)
    door.loader.budgets.start_hour(NOW_NS)
    rows = backlog(hours=80, per_hour=10)
    packs = [door.pack(*rows[start : start + readings]) for start in range(0, len(rows), readings)]
    assert held(door.flush(*packs)) == []


def test_a_backlog_leaves_the_present_hour_its_budget() -> None:
    door = Door(device_messages=10)
    door.loader.budgets.start_hour(NOW_NS)
    live = [truck(number) for number in range(10)]
    late = [row for row in backlog(hours=169, per_hour=2) if row.time_ns < NOW_NS - 2 * HOUR_NS]
    assert stored(door.flush(door.pack(*late, *live))) == {"truck": len(late) + 10}


def test_whoever_lies_about_times_has_the_budget_of_a_week(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.budgets.BACKLOG_HOURS", 5)
    door = Door(device_messages=10)
    door.loader.budgets.start_hour(NOW_NS)
    flushes = [door.flush(door.pack(*backlog(hours=100, per_hour=5))), door.flush(door.pack(*backlog(30, 5)))]
    assert stored(*flushes).get("truck", 0) <= 5 * 10


rows = st.builds(
    Reading,
    st.sampled_from(["innocent", "a", "b", "c"]),
    st.sampled_from(["rain", "vehicle"]),
    st.just(NOW_NS),
    st.dictionaries(st.sampled_from(["speed", *(f"q{n}" for n in range(12))]), st.just(1.0), min_size=1, max_size=4),
).map(lambda row: row if row.device != "innocent" else Reading("innocent", row.kind, row.time_ns, {"speed": 1.0}))


@given(st.lists(st.lists(rows, min_size=1, max_size=12), min_size=1, max_size=6))
@settings(max_examples=200, deadline=None)
def test_whatever_others_do_the_innocent_is_stored_whole(packs: list[list[Reading]]) -> None:
    door = Door({"innocent": Place("th-30")}, new_quantities=2, new_devices=2, device_messages=100)
    # each has an instant of its own, or some would be merged
    ages = itertools.count(1)
    packs = [[Reading(row.device, row.kind, NOW_NS - next(ages), row.values) for row in one] for one in packs]
    flushes = [door.flush(door.pack(*one)) for one in packs]
    sent = [row for one in packs for row in one]
    assert stored(*flushes).get("innocent", 0) == sum(row.device == "innocent" for row in sent)
    again = [
        row
        for payload in held(*flushes)
        for block in pack.decode(payload.payload, "gw-1").readings
        for row in pack.to_batch(block).readings()
    ]
    assert len(again) == sum(payload.readings for payload in held(*flushes))
    assert len(again) + sum(stored(*flushes).values()) == len(sent)
    assert not np.isnan([value for row in again for value in row.values.values()]).any()
