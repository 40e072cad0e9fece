"""The relay: custody ends with a receipt and with nothing else."""

import asyncio
import dataclasses
import os
import time
from pathlib import Path

import pytest
from fake_ingest import FakeIngest
from rig import OddBroker, Rig, reading, until

from city.errors import Broken, SpoolFull, Unavailable
from city.reading import Reading
from city.wire.pack import Undecoded
from support.mosquitto import Mosquitto


async def test_readings_reach_ingest_and_are_forgotten_with_their_receipt(rig: Rig, ingest: FakeIngest) -> None:
    async with rig:
        await asyncio.gather(*(rig.accept(number) for number in range(100)))
        await rig.emptied()
    assert ingest.readings() == [reading(number) for number in range(100)]
    assert sorted(set(ingest.numbers())) == list(range(1, rig.spool.last + 1))
    assert [got.offset for got in ingest.packs] == [10 * (got.seq - 1) for got in ingest.packs]


async def test_accept_returns_only_when_the_spool_has_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig:
        gate = asyncio.Event()
        append = rig.spool.append
        loop = asyncio.get_running_loop()

        def held(packs: list[object]) -> None:
            asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()
            append(packs)  # type: ignore[arg-type]

        monkeypatch.setattr(rig.spool, "append", held)
        calls = [asyncio.create_task(rig.accept(number)) for number in range(3)]
        await asyncio.sleep(0.2)
        assert not any(call.done() for call in calls)
        gate.set()
        await asyncio.gather(*calls)
        assert rig.spool.pending[:2] == (3, 1)


async def test_undecoded_bytes_travel_with_the_readings(rig: Rig, ingest: FakeIngest) -> None:
    garbage = Undecoded("http:native?device=a", b"\xff\x00", 7, "not_utf8", "why")
    async with rig:
        await rig.relay.accept([reading(1)], [garbage])
        await rig.emptied()
    assert [got.undecoded for got in ingest.packs if got.undecoded] == [[garbage]]


async def test_nothing_published_is_forgotten_without_a_receipt(rig: Rig, ingest: FakeIngest) -> None:
    ingest.answers = False
    async with rig:
        await rig.accept(1, 2)
        await until(lambda: len(ingest.packs) >= 3)
        assert rig.spool.pending[:2] == (2, 1)
        assert set(ingest.numbers()) == {1}, "sent again after the time, the same pack"
        assert len({got.offset for got in ingest.packs}) == 1
        ingest.settle(rig.spool.id, (1, 1))
        await rig.emptied()
        await asyncio.sleep(0.2)  # the last copy may be on its way
        seen = len(ingest.packs)
        await asyncio.sleep(0.8)
        assert len(ingest.packs) == seen, "settled is settled"


async def test_receipts_of_another_spool_and_garbage_are_ignored(rig: Rig, ingest: FakeIngest) -> None:
    ingest.answers = False
    async with rig:
        await rig.accept(1)
        await until(lambda: bool(ingest.packs))
        spool = b'{"spool": "%s", ' % rig.spool.id.encode()
        for payload in (
            b"",
            b"\xff",
            b"[]",
            b'{"spool": "x"}',
            b'{"spool": "x", "done": [[2, 1]]}',
            spool + b'"done": [], "deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            spool + b'"done": [[1, 1]], "at_ns": ' + b"9" * 400 + b"}",
        ):
            ingest.say(payload)
        ingest.settle("another", (1, 1))
        await asyncio.sleep(0.3)
        assert rig.spool.pending.packs == 1
        ingest.settle(rig.spool.id, (5, 10**15), (1, 1), (1, 1))
        await asyncio.sleep(0.3)
        assert rig.spool.pending.packs == 1, "one that names what was never sent is refused as a whole"
        ingest.settle(rig.spool.id, (1, 1), (1, 1))
        await rig.emptied()
        ingest.answers = True
        await rig.accept(2)
        await rig.emptied()


async def test_a_receipt_of_packs_that_nobody_was_sent_keeps_them(rig: Rig, ingest: FakeIngest) -> None:
    ingest.answers = False
    async with rig:
        await asyncio.gather(*(rig.accept(*range(call, call + 10)) for call in range(0, 500, 10)))
        await until(lambda: len(set(ingest.numbers())) == 6)
        waiting = rig.spool.pending.packs
        ingest.settle(rig.spool.id, (1, 2**53))
        await asyncio.sleep(0.5)
        assert rig.spool.pending.packs == waiting, "a receipt that names what was never sent counts for nothing"
        ingest.answers = True
        await rig.emptied()
    assert sorted({got.values["temperature"] for got in ingest.readings()}) == list(range(500))


async def test_packs_of_the_process_before_are_settled_though_not_sent_again(rig: Rig, ingest: FakeIngest) -> None:
    ingest.answers = False
    async with rig:
        await asyncio.gather(*(rig.accept(*range(call, call + 10)) for call in range(0, 500, 10)))
    async with rig:
        await until(lambda: rig.session.is_connected)
        ingest.settle(rig.spool.id, (1, 50))
        await rig.emptied()


async def test_the_window_bounds_what_is_on_its_way(rig: Rig, ingest: FakeIngest) -> None:
    ingest.answers = False
    async with rig:
        for first in (0, 80):
            await asyncio.gather(*(rig.accept(*range(call, call + 10)) for call in range(first, first + 80, 10)))
            await until(lambda: len(set(ingest.numbers())) == 8)
        await asyncio.sleep(0.5)
        assert set(ingest.numbers()) == set(range(1, 9))
        ingest.settle(rig.spool.id, (1, 3))
        await until(lambda: set(ingest.numbers()) == set(range(1, 12)))
        ingest.answers = True
        await rig.emptied()
    assert len(ingest.readings()) == 160


async def test_nothing_is_lost_when_the_broker_is_killed(rig: Rig, broker: Mosquitto, ingest: FakeIngest) -> None:
    ingest.answers = False
    async with rig:
        await rig.accept(*range(50))
        await until(lambda: len(ingest.packs) >= 1)
        broker.kill()
        await asyncio.gather(*(rig.accept(number) for number in range(50, 100)))
        ingest.answers = True
        broker.start()
        await rig.emptied()
    assert sorted(got.values["temperature"] for got in ingest.readings()) == list(range(100))


async def test_a_restarted_gateway_hands_on_what_the_last_one_had(rig: Rig, ingest: FakeIngest) -> None:
    ingest.answers = False
    async with rig:
        await rig.accept(1)
        await rig.accept(2)
        spool = rig.spool.id
    ingest.answers = True
    async with rig:
        assert rig.spool.id == spool
        await rig.accept(3)
        await rig.emptied()
    assert [got.values["temperature"] for got in ingest.readings()] == [1.0, 2.0, 3.0]
    assert {got.seq: got.offset for got in ingest.packs} == {1: 0, 2: 1, 3: 2}


async def test_packs_wait_for_an_ingest_that_never_came_before(rig: Rig, broker: Mosquitto) -> None:
    async with rig:
        await rig.accept(1)
        await asyncio.sleep(0.5)
        assert rig.spool.pending.packs == 1
        with FakeIngest(broker.port) as late:
            await rig.emptied()
        assert late.readings() == [reading(1)]


@pytest.mark.parametrize(
    "limit",
    [
        "max_packet_size 20000",  # said when connecting, so the pack isn't even sent
        "message_size_limit 20000",  # said afterwards, in a way that may end the connection
    ],
)
async def test_a_pack_that_the_broker_refuses_does_not_block_the_rest(tmp_path: Path, limit: str) -> None:
    with (
        Mosquitto(tmp_path / "mosquitto", config_extra=limit) as broker,
        FakeIngest(broker.port) as ingest,
    ):
        rig = Rig(broker.port, tmp_path / "gw.spool")
        rig.config = dataclasses.replace(rig.config, max_inflight_packs=2, resend_s=30, max_resend_s=60)
        async with rig:
            for _ in range(3):  # more than the window holds
                await rig.relay.accept([], [Undecoded("http:native", bytes(30_000), 1, "undecoded")])
            await rig.accept(1)
            await until(lambda: rig.spool.pending.packs == 3, within_s=20)
            assert ingest.readings() == [reading(1)]
            assert set(ingest.numbers()) == {4}


async def test_many_packs_that_are_too_large_cost_the_others_seconds(tmp_path: Path) -> None:
    with (
        # it answers such a pack with a code of its own, and ends the connection
        Mosquitto(tmp_path / "mosquitto", config_extra="message_size_limit 20000") as broker,
        FakeIngest(broker.port) as ingest,
    ):
        rig = Rig(broker.port, tmp_path / "gw.spool")
        rig.config = dataclasses.replace(rig.config, max_inflight_packs=64, resend_s=5, max_resend_s=60)
        async with rig:
            for number in range(40):
                await rig.relay.accept([], [Undecoded("http:native", bytes(30_000), 1, "undecoded")])
                await rig.accept(number)
            await until(lambda: len(ingest.readings()) == 40)
            await until(lambda: rig.spool.pending.packs == 40)


async def test_a_pack_that_never_left_is_not_to_blame_for_the_end_of_a_connection(tmp_path: Path) -> None:
    async with OddBroker(lambda seq, connection: seq == 0 or connection > 9, receive_max=1) as broker:
        rig = Rig(broker.port, tmp_path / "gw.spool")
        async with rig:
            for first in range(0, 80, 10):
                await rig.accept(*range(first, first + 10))
            await until(lambda: broker.connections > 3)
            flights = dict(rig.relay._scheduler.in_flight._packs)
            assert [seq for seq, flight in flights.items() if flight.losses and seq not in broker.came] == []
            await rig.emptied()
    assert set(broker.taken) == set(range(1, 9))


async def test_a_broker_that_retains_nothing_gets_packs_and_the_status(tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path / "mosquitto", config_extra="retain_available false") as broker,
        FakeIngest(broker.port) as ingest,
    ):
        rig = Rig(broker.port, tmp_path / "gw.spool")
        async with rig:
            await rig.accept(1)
            await rig.emptied()
            await until(lambda: any(said.online for said in ingest.statuses))


async def test_packs_get_through_to_a_broker_that_goes_away_over_the_status(tmp_path: Path) -> None:
    async with OddBroker(lambda seq, _: seq > 0) as broker:
        rig = Rig(broker.port, tmp_path / "gw.spool")
        async with rig:
            for number in range(20):
                await rig.accept(number)
            await rig.emptied()
            assert broker.connections < 6


def wide(count: int) -> list[Reading]:
    """Readings of about 90 bytes each in a pack."""
    return [Reading("d", "weather", n, dict.fromkeys("abcdefghij", 1.0)) for n in range(1, count + 1)]


async def test_a_full_spool_refuses_and_takes_again(rig: Rig, ingest: FakeIngest) -> None:
    ingest.answers = False
    rig.spool_bytes = 2**20
    async with rig:
        big = wide(3_300)
        for _ in range(3):
            await rig.relay.accept(big, [])
        with pytest.raises(SpoolFull, match="wait for a receipt"):
            await rig.relay.accept(big, [])
        assert rig.relay.status.refusal is not None
        await rig.accept(1)
        assert rig.relay.status.refusal is None
        ingest.answers = True
        await rig.emptied()
        await rig.relay.accept(big, [])


async def test_what_does_not_fit_does_not_keep_out_what_does(rig: Rig) -> None:
    rig.spool_bytes = 2**20
    async with rig:
        large, small = await asyncio.gather(rig.relay.accept(wide(22_000), []), rig.accept(1), return_exceptions=True)
    assert isinstance(large, SpoolFull)
    assert small is None


async def test_a_damaged_spool_ends_the_relay_with_its_sentence(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(_: object) -> None:
        raise Broken("the spool is damaged")

    async with rig:
        monkeypatch.setattr(rig.spool, "append", damaged)
        with pytest.raises(Broken):
            await rig.accept(1)
        with pytest.raises(ExceptionGroup) as raised:
            await rig.task
        assert raised.group_contains(Broken)
        with pytest.raises(Unavailable):
            await rig.accept(2)


@pytest.mark.parametrize("end", ["stop", "damage"])
async def test_whoever_waits_gets_an_answer_when_the_relay_ends_while_a_group_is_taken_apart(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    tries = 0

    def full(_: object) -> None:
        nonlocal tries
        tries += 1
        if end == "damage" and tries > 2:
            raise Broken("the spool is damaged")
        time.sleep(0.1)
        raise SpoolFull("the spool is full")

    async with rig:
        monkeypatch.setattr(rig.spool, "append", full)
        calls = [asyncio.create_task(rig.accept(number)) for number in range(5)]
        await until(lambda: tries > 1)
        if end == "stop":
            rig.task.cancel()
        async with asyncio.timeout(5):
            answers = await asyncio.gather(*calls, return_exceptions=True)
        with pytest.raises((ExceptionGroup, asyncio.CancelledError)):
            await rig.task
    ended = Unavailable if end == "stop" else Broken
    assert {type(error) for error in answers} <= {SpoolFull, ended}
    assert isinstance(answers[-1], ended)


async def test_the_status_is_retained_and_the_will_says_offline(
    rig: Rig, broker: Mosquitto, ingest: FakeIngest
) -> None:
    ingest.answers = False
    async with rig:
        await rig.accept(1, 2, 3)
        await until(lambda: any(said.pending == 3 for said in ingest.statuses))
        said = ingest.statuses[-1]
        assert said.online
        assert (said.spool, said.packs, said.spool_bytes) == (rig.spool.id, 1, rig.spool.pending.bytes)
        assert said.at_ns > 0
        with FakeIngest(broker.port, name="late") as late:
            await until(lambda: bool(late.statuses))
            assert late.statuses[0].pending == 3
        ingest.answers = True
        await rig.emptied()
        await until(lambda: ingest.statuses[-1].pending == 0)
        vanish(rig)
        await until(lambda: not ingest.statuses[-1].online)
        assert ingest.statuses[-1].pending is None
        await until(lambda: ingest.statuses[-1].online)
        await rig.relay.status.publish_offline()
        await until(lambda: not ingest.statuses[-1].online)
        assert ingest.statuses[-1].pending == 0


def vanish(rig: Rig) -> None:
    """Cut the connection without a goodbye."""
    connection = rig.session._connection
    assert connection is not None
    transport = connection.link._transport
    assert transport is not None
    transport.abort()


async def test_large_calls_make_large_packs(rig: Rig, ingest: FakeIngest) -> None:
    rig.config = dataclasses.replace(rig.config, pack_readings=100)
    async with rig:
        await rig.accept(*range(2500))
        await rig.emptied()
    assert sorted(got.count() for got in ingest.packs) == [500, 1000, 1000]
    assert len(ingest.readings()) == 2500


async def test_a_settled_pack_that_the_disk_could_not_forget_is_settled_again(
    rig: Rig, ingest: FakeIngest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig:
        forget = rig.spool.forget
        refused: list[object] = []

        def first_refuse(ranges: list[tuple[int, int]]) -> None:
            if not refused:
                refused.append(ranges)
                raise SpoolFull("the disk is full")
            forget(ranges)

        monkeypatch.setattr(rig.spool, "forget", first_refuse)
        await rig.accept(1)
        await rig.emptied()
        assert refused
        assert ingest.numbers()[:2] == [1, 1]


async def test_memory_stays_bounded_over_a_long_spool(rig: Rig, ingest: FakeIngest) -> None:
    ingest.answers = False
    async with rig:
        for _ in range(100):
            await rig.relay.accept([], [Undecoded("http:native", os.urandom(200_000), 1, "undecoded")])
        await until(lambda: len(rig.relay._scheduler.in_flight) == 8)
        assert len(rig.relay._publisher._sending) <= 8
        ingest.answers = True
        await rig.emptied()
    assert sorted(set(ingest.numbers())) == list(range(1, 101))


KEY = b"k" * 32


async def test_with_a_key_only_a_signed_receipt_ends_custody(
    rig: Rig, ingest: FakeIngest, capsys: pytest.CaptureFixture[str]
) -> None:
    rig.config = dataclasses.replace(rig.config, receipt_key=KEY)
    ingest.answers = False
    async with rig:
        await rig.accept(1)
        await until(lambda: bool(ingest.packs))
        for key in (None, b"another" * 8):
            ingest.key = key
            ingest.settle(rig.spool.id, (1, 1))
            ingest.settle(rig.spool.id, (1, 1))
        await until(lambda: rig.relay.receipts.refused == 4)
        assert rig.spool.pending.packs == 1
        ingest.key = KEY
        ingest.settle(rig.spool.id, (1, 1))
        await rig.emptied()
    assert capsys.readouterr().out.count("receipts refused") == 1, "once a minute"


async def test_without_a_key_a_signed_receipt_is_read_as_any(rig: Rig, ingest: FakeIngest) -> None:
    ingest.key = KEY
    async with rig:
        await rig.accept(1)
        await rig.emptied()
