"""Ingest on real parts: a mosquitto, a DuckDB file, a SQLite ledger."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from city import topics
from city.batch import Batch
from city.errors import LedgerUnavailable, Reason, StoreUnavailable
from city.ledger.port import By, Ledger, QuarantineState
from city.mqtt import Address, Session, Subscription
from city.outcomes import Counts
from city.reading import FIRST_NS, Flag, Reading
from city.store.port import LatestQuery, Store, WriteOutcome
from city.wire import direct, pack, receipt, status
from city.wire.pack import Undecoded
from support.ingesting import NOW_MS, PROVINCE, platform
from support.mosquitto import Mosquitto


async def test_a_direct_reading_is_stored_counted_and_its_device_registered(broker: Mosquitto, tmp_path: Path) -> None:
    async with platform(broker, tmp_path) as korat:
        await korat.send(
            "air_quality", "aq-1", {"ts": NOW_MS, "values": {"pm2_5": 18.2, "own_key": 3}, "lat": 15, "lon": 102}
        )
        assert await korat.received(1) == Counts(received=1, stored=1)
        assert await korat.latest("aq-1") == {
            "pm2_5": (NOW_MS * 10**6, 18.2, Flag.GOOD),
            "own_key": (NOW_MS * 10**6, 3.0, Flag.NOT_EVALUATED),
        }
        device = await korat.registry.device("aq-1")
        assert device is not None
        assert (device.kind, device.province, device.gateway, device.status) == (
            "air_quality",
            PROVINCE,
            "",
            "discovered",
        )


async def test_a_device_is_registered_under_every_kind_that_it_is_heard_as(
    broker: Mosquitto, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with platform(broker, tmp_path) as korat:
        for number, kind in enumerate(("vehicle", "cargo", "vehicle", "weather")):
            await korat.send(kind, "t-1", {"ts": NOW_MS + number, "values": {"battery": 50}})
            await korat.received(number + 1)
    lines = [line for line in capsys.readouterr().out.splitlines() if "of a further kind" in line]
    assert [kind for line in lines for kind in ("cargo", "weather") if f"kind={kind}" in line] == ["cargo", "weather"]
    async with platform(broker, tmp_path) as korat:
        await korat.send("rain", "t-1", {"ts": NOW_MS + 9, "values": {"battery": 50}})
        await korat.received(5)
        device = await korat.registry.device("t-1")
        assert device is not None
        assert (device.kind, device.kinds) == ("vehicle", ("cargo", "rain", "vehicle", "weather"))


async def test_an_impossible_value_is_kept_and_marked_as_failed(broker: Mosquitto, tmp_path: Path) -> None:
    async with platform(broker, tmp_path) as korat:
        await korat.send("weather", "w-1", {"ts": NOW_MS, "values": {"temperature": 327.67, "humidity": 60}})
        await korat.received(1)
        assert (await korat.latest("w-1"))["temperature"] == (NOW_MS * 10**6, 327.67, Flag.FAIL)
        assert (await korat.latest("w-1"))["humidity"] == (NOW_MS * 10**6, 60.0, Flag.GOOD)


BAD = {
    Reason.MALFORMED_JSON: b'{"values": {"pm10": 1',
    Reason.NOT_UTF8: b"\xff\xfe\x00",
    Reason.NOT_FINITE: b'{"values": {"pm10": NaN}}',
    Reason.TOO_LARGE: b" " * (256 * 1024 + 1),
    Reason.WRONG_TYPE: b"[" * 1000,
    Reason.EMPTY: b"",
    Reason.DUPLICATE_KEY: b'{"values": {"pm10": 1, "pm10": 2}}',
    Reason.CLOCK_AHEAD: json.dumps({"ts": NOW_MS + 3_600_000, "values": {"pm10": 1}}).encode(),
}


async def test_every_bad_payload_is_kept_with_its_reason_and_the_next_good_one_stored(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with platform(broker, tmp_path) as korat:
        for payload in BAD.values():
            await korat.send("air_quality", "aq-1", payload)
        await korat.client.publish("city/th-30/smart_city/spaceship/x", b"{}")
        await korat.client.publish("city/th-30/smart_city/rain", b"{}")
        await korat.client.publish(topics.pack(PROVINCE, "gw-1"), msgspec.msgpack.encode({"v": 9}))
        await korat.send("air_quality", "aq-1", {"ts": NOW_MS, "values": {"pm10": 7}})
        counts = await korat.received(len(BAD) + 4)
        assert counts == Counts(received=len(BAD) + 4, stored=1, quarantined=len(BAD) + 3)
        held = {row.quarantined.reason: row.quarantined for row in await korat.ledger.quarantine()}
        assert held.keys() == {*BAD, Reason.UNKNOWN_KIND, Reason.BAD_TOPIC, Reason.PACK_VERSION}
        assert {reason: held[reason].payload for reason in BAD} == BAD
        assert held[Reason.BAD_TOPIC].topic == "city/th-30/smart_city/rain"
        assert (await korat.latest("aq-1"))["pm10"][1] == 7.0


async def test_one_reading_ahead_of_the_clock_does_not_take_its_array_along(broker: Mosquitto, tmp_path: Path) -> None:
    async with platform(broker, tmp_path) as korat:
        rows = [{"ts": NOW_MS - 1000, "values": {"pm10": 1}}, {"ts": NOW_MS + 3_600_000, "values": {"pm10": 2}}]
        await korat.send("air_quality", "aq-1", list(rows))
        assert await korat.received(2) == Counts(received=2, stored=1, quarantined=1)
        (held,) = await korat.ledger.quarantine()
        assert held.quarantined.topic == topics.direct(PROVINCE, "air_quality", "aq-1")
        (kept,) = direct.decode(held.quarantined.payload, kind="air_quality", device="aq-1", received_ns=0)
        assert kept.values == {"pm10": 2.0}


@pytest.mark.parametrize("before_2000_ns", [1, 12 * 10**9, FIRST_NS - 1])
async def test_a_row_of_a_pack_before_2000_is_held_and_its_neighbours_are_stored(
    broker: Mosquitto, tmp_path: Path, before_2000_ns: int
) -> None:
    times = [NOW_MS * 10**6, before_2000_ns, FIRST_NS]
    rows = [Reading(f"truck-{at}", "vehicle", time_ns, {"speed": 1.0}) for at, time_ns in enumerate(times)]
    frame = pack.Pack("gw-1", "b0", 1, 0, [pack.to_block(Batch.from_readings(rows))], [])
    async with platform(broker, tmp_path) as korat:
        await korat.client.publish(topics.pack(PROVINCE, "gw-1"), pack.encode(frame))
        assert await korat.received(3) == Counts(received=3, stored=2, quarantined=1)
        (held,) = await korat.ledger.quarantine()
        assert (held.quarantined.reason, held.quarantined.source.device) == (Reason.BAD_TIME, "truck-1")
        assert await korat.latest("truck-1") == {}

        assert await korat.ledger.request_redrive(None, None) == 1

        async def tried() -> bool:
            (row,) = await korat.ledger.quarantine()
            return row.tries == 1

        await korat.until(tried)
        (again,) = await korat.ledger.quarantine()
        assert (again.state, again.quarantined.reason) == (QuarantineState.HELD, Reason.BAD_TIME)
        assert await korat.latest("truck-1") == {}


async def test_a_redrive_takes_no_time_before_2000(broker: Mosquitto, tmp_path: Path) -> None:
    def decode(_origin: str, _payload: bytes, _received_ns: int) -> tuple[list[Reading], list[Undecoded]]:
        return [Reading("x", "rain", FIRST_NS - 1, {"rain_rate": 2.0})], []

    async with platform(broker, tmp_path, decode=decode) as korat:
        await korat.client.publish(topics.pack(PROVINCE, "gw-1"), packed(1, bad=True))
        await korat.received(4)
        assert await korat.ledger.request_redrive(None, None) == 1

        async def tried() -> bool:
            (row,) = await korat.ledger.quarantine()
            return row.tries == 1

        await korat.until(tried)
        assert await korat.latest("x") == {}
        assert await korat.counts() == Counts(received=4, stored=3, quarantined=1)


async def test_a_direct_time_before_2000_is_held(broker: Mosquitto, tmp_path: Path) -> None:
    async with platform(broker, tmp_path) as korat:
        for ts in (12_000, 1_764_900_000, "1999-12-31T23:59:59Z"):
            await korat.send("rain", "r-1", {"ts": ts, "values": {"rain_rate": 1}})
        assert await korat.received(3) == Counts(received=3, quarantined=3)
        assert {row.quarantined.reason for row in await korat.ledger.quarantine()} == {Reason.BAD_TIME}


async def test_rows_without_a_time_of_one_array_are_all_stored(broker: Mosquitto, tmp_path: Path) -> None:
    async with platform(broker, tmp_path) as korat:
        await korat.send("rain", "r-1", [{"values": {"rain_rate": number}} for number in range(5)])
        assert await korat.received(5) == Counts(received=5, stored=5)
        kept = korat.store._writes.execute("select count(distinct time) from point").fetchone()  # type: ignore[attr-defined] # DuckDB's
        assert kept == (5,)
        assert (await korat.latest("r-1"))["rain_rate"][1] == 4


async def test_a_message_that_comes_again_is_a_duplicate_unless_it_has_no_time(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with platform(broker, tmp_path) as korat:
        for _ in range(3):
            await korat.send("noise", "n-1", {"ts": NOW_MS, "values": {"sound_level": 60}})
        assert await korat.received(3) == Counts(received=3, stored=1, duplicate=2)
        for _ in range(3):
            await korat.send("noise", "n-1", {"values": {"sound_level": 61}})
        assert await korat.received(6) == Counts(received=6, stored=4, duplicate=2)


def packed(seq: int, *, rows: int = 3, bad: bool = False) -> bytes:
    readings = [
        Reading(f"truck-{row}", "vehicle", (NOW_MS - 10_000 * seq) * 10**6, {"speed": float(seq)})
        for row in range(rows)
    ]
    undecoded = [pack.Undecoded("http:native?device=x", b"???", NOW_MS * 10**6, "malformed_json")] if bad else []
    frame = pack.Pack("gw-1", "b0", seq, (seq - 1) * rows, [pack.to_block(Batch.from_readings(readings))], undecoded)
    return pack.encode(frame)


async def test_packs_are_receipted_once_they_are_settled_and_known_when_they_come_again(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with platform(broker, tmp_path) as korat:
        address = Address("127.0.0.1", broker.port)
        topic = topics.receipt(PROVINCE, "gw-1")
        async with Session(address, client_id="gw", subscriptions=[Subscription(topic)]) as gateway:
            await gateway.connected()
            for seq in (1, 3, 1):
                await gateway.publish(topics.pack(PROVINCE, "gw-1"), packed(seq))
            assert await korat.received(9) == Counts(received=9, stored=6, duplicate=3)
            done: set[int] = set()
            while done != {1, 3}:
                for message in await gateway.receive():
                    said = receipt.decode(message.payload)
                    assert said.spool == "b0"
                    assert abs(said.at_ns - message.received_ns) < 10**9, "a gateway compares its clock with it"
                    done |= {seq for first, last in said.done for seq in range(first, last + 1)}
                    gateway.acknowledge([message])
            (account,) = await korat.ledger.account(0, time.time_ns() + 10**13, By.GATEWAY)
            assert (account.key, account.gaps) == ("gw-1", 3)
            await gateway.publish(topics.pack(PROVINCE, "gw-1"), packed(2, bad=True))
            assert await korat.received(13) == Counts(received=13, stored=9, duplicate=3, quarantined=1)
            (held,) = await korat.ledger.quarantine()
            assert (held.quarantined.payload, held.quarantined.origin) == (b"???", "http:native?device=x")
            said_status = status.Status(online=True, spool="b0", pending=42, packs=1, at_ns=time.time_ns())
            await gateway.publish(topics.status(PROVINCE, "gw-1"), status.encode(said_status), retain=True)

            async def pending() -> bool:
                return [row.pending for row in await korat.ledger.gateways()] == [42]

            await korat.until(pending)


class Flaky:
    """A part that fails at first; everything else goes through to the real one."""

    def __init__(self, real: object, failing: str, error: Exception, times: int = 3) -> None:
        self.real = real
        self.failing = failing
        self.error = error
        self.left = times

    def __getattr__(self, name: str) -> object:
        real = getattr(self.real, name)
        if name != self.failing:
            return real

        async def call(*args: object) -> object:
            if self.left:
                self.left -= 1
                if self.left % 2:  # the worst moment: it was done, and nobody heard
                    await real(*args)
                raise self.error
            return await real(*args)

        return call


@pytest.mark.parametrize("part", ["store", "ledger"])
async def test_a_part_that_is_down_for_a_while_costs_nothing(broker: Mosquitto, tmp_path: Path, part: str) -> None:
    wrap: Callable[[Store], Store] = lambda store: store  # noqa: E731 - replaced below
    wrap_ledger: Callable[[Ledger], Ledger] = lambda ledger: ledger  # noqa: E731 - replaced below
    if part == "store":
        wrap = lambda store: Flaky(store, "write", StoreUnavailable("down", 0.01))  # type: ignore[assignment, return-value]  # noqa: E731 - a stand-in for one moment
    else:
        wrap_ledger = lambda ledger: Flaky(ledger, "settle", LedgerUnavailable("down", 0.01))  # type: ignore[assignment, return-value]  # noqa: E731 - a stand-in for one moment
    async with platform(broker, tmp_path, wrap=wrap, wrap_ledger=wrap_ledger) as korat:
        for number in range(20):
            await korat.send("dock", f"d-{number}", {"values": {"occupied": True}})
        assert await korat.received(20) == Counts(received=20, stored=20)
        assert len(await korat.store.latest(LatestQuery())) == 20


async def test_two_workers_on_one_subscription_give_one_ledger(broker: Mosquitto, tmp_path: Path) -> None:
    async with platform(broker, tmp_path, workers=2) as korat:
        for number in range(60):
            await korat.send("rain", f"r-{number % 7}", {"ts": NOW_MS - number * 1000, "values": {"rain_rate": 1}})
            await korat.client.publish(topics.pack(PROVINCE, "gw-1"), packed(number + 1))
            await korat.client.publish(topics.pack(PROVINCE, "gw-1"), packed(number + 1))
        counts = await korat.received(60 + 60 * 6)
        assert counts == Counts(received=420, stored=60 + 180, duplicate=180)


async def test_a_rejected_row_is_kept_and_its_neighbours_are_stored(broker: Mosquitto, tmp_path: Path) -> None:
    class Picky:
        def __init__(self, real: Store) -> None:
            self.real = real

        def __getattr__(self, name: str) -> object:
            return getattr(self.real, name)

        async def write(self, batch: Batch) -> WriteOutcome:
            bad = {row: "no" for row in range(len(batch)) if batch.values["fill_level"][row] == 13}
            keep = [row for row in range(len(batch)) if row not in bad]
            await self.real.write(batch.take(keep))  # type: ignore[arg-type] - a list indexes as well
            return WriteOutcome(bad)

    async with platform(broker, tmp_path, wrap=Picky) as korat:  # type: ignore[arg-type] - a stand-in
        rows = [{"ts": NOW_MS - level, "values": {"fill_level": level}} for level in (12, 13, 14)]
        await korat.send("waste_bin", "b-1", list(rows))
        assert await korat.received(3) == Counts(received=3, stored=2, rejected=1)
        (held,) = await korat.ledger.quarantine()
        assert held.quarantined.reason is Reason.STORE_REFUSED


async def test_budgets_send_only_the_offender_to_quarantine(broker: Mosquitto, tmp_path: Path) -> None:
    async with platform(broker, tmp_path, device_messages=5, new_quantities=2) as korat:
        for number in range(8):
            await korat.send("crowd", "loud", {"ts": NOW_MS - number, "values": {"people_count": 1}})
        for number in range(4):
            await korat.send("crowd", "inventive", {"ts": NOW_MS - number, "values": {f"q{number}": 1}})
        await korat.send("crowd", "quiet", {"ts": NOW_MS, "values": {"people_count": 1}})
        assert await korat.received(13) == Counts(received=13, stored=8, quarantined=5)
        reasons = [row.quarantined.reason for row in await korat.ledger.quarantine()]
        assert sorted(reasons) == [Reason.BUDGET_MESSAGES] * 3 + [Reason.BUDGET_QUANTITIES] * 2


async def test_new_devices_have_a_budget(broker: Mosquitto, tmp_path: Path) -> None:
    async with platform(broker, tmp_path, new_devices=3) as korat:
        for number in range(5):
            await korat.send("crowd", f"new-{number}", {"ts": NOW_MS, "values": {"people_count": 1}})
        await korat.send("crowd", "new-0", {"ts": NOW_MS + 1, "values": {"people_count": 2}})
        assert await korat.received(6) == Counts(received=6, stored=4, quarantined=2)


async def test_quarantined_payloads_are_stored_once_their_decoder_is_mended(broker: Mosquitto, tmp_path: Path) -> None:
    def decode(origin: str, payload: bytes, received_ns: int) -> tuple[list[Reading], list[Undecoded]]:
        assert (origin, payload) == ("http:native?device=x", b"???")
        return [Reading("x", "rain", received_ns, {"rain_rate": 2.0})], []

    async with platform(broker, tmp_path, decode=decode) as korat:
        await korat.client.publish(topics.pack(PROVINCE, "gw-1"), packed(1, bad=True))
        await korat.send("crowd", "c-1", b"still no JSON")
        assert await korat.received(5) == Counts(received=5, stored=3, quarantined=2)
        assert await korat.ledger.request_redrive(None, None) == 2

        async def tried() -> bool:
            rows = await korat.ledger.quarantine()
            return all(row.state is not QuarantineState.REQUESTED for row in rows)

        await korat.until(tried)
        states = {row.quarantined.reason: (row.state, row.tries) for row in await korat.ledger.quarantine()}
        assert states[Reason.MALFORMED_JSON][0] in {QuarantineState.HELD, QuarantineState.RELEASED}
        assert await korat.counts() == Counts(received=5, stored=4, quarantined=1)
        assert (await korat.latest("x"))["rain_rate"] == (NOW_MS * 10**6, 2.0, Flag.GOOD)


async def test_quantities_that_are_known_are_not_charged_anew_after_a_restart(
    broker: Mosquitto, tmp_path: Path
) -> None:
    own = {f"soil_{number}": 1 for number in range(3)}
    for received in (1, 2):
        async with platform(broker, tmp_path, new_quantities=3) as korat:
            await korat.send("rain", "own-1", {"values": own})
            assert (await korat.received(received)).quarantined == 0
            if received == 2:
                await korat.send("rain", "own-1", {"values": {**own, "more": 1, "and_more": 2}})
                assert (await korat.received(3)).quarantined == 0
