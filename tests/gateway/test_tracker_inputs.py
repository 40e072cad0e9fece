"""The TCP and UDP servers for trackers: an acknowledgement means that the spool has it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, cast

import pytest
from rig import until
from stand_ins import LINES, FakeSpool, context, line

from city.errors import Broken, SpoolFull
from city.tables import parse_table
from gateway.inputs.tcp import TcpInput, TcpTable
from gateway.inputs.token_bucket import TokenBucket, TokenBuckets
from gateway.inputs.udp import UdpInput, UdpTable

NORMAL: Final[dict[str, Any]] = {"protocol": "teltonika", "port": 0}
QUICK: Final = NORMAL | {"connections": 8, "frame_bytes": 256, "frames_a_second": 1000.0, "login_s": 0.3, "idle_s": 0.6}
QUICK_SWEEP_S: Final = 0.05


class Tracker:
    """A tracker's end of a TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, *lines: bytes) -> None:
        for text in lines:
            self.writer.write(text + b"\n")

    async def hear(self) -> bytes:
        """Give a line; empty when the gateway has closed or reset the connection."""
        with contextlib.suppress(ConnectionError):
            return await asyncio.wait_for(self.reader.readline(), 5)
        return b""


class Inputs:
    """A TCP link, a UDP link, and what trackers see of them."""

    def __init__(self, spool: FakeSpool, limits: dict[str, Any]) -> None:
        given = context(spool)
        self.counters = given.counters
        self.tcp = TcpInput(parse_table(TcpTable, limits, "tcp"), given)
        of_datagrams = {key: limits[key] for key in limits.keys() & UdpTable.model_fields.keys()}
        self.udp = UdpInput(parse_table(UdpTable, of_datagrams, "udp"), given)
        self.trackers: list[Tracker] = []

    async def connect(self, name: bytes = b"") -> Tracker:
        tracker = Tracker(*await asyncio.open_connection("127.0.0.1", self.tcp.port))
        self.trackers.append(tracker)
        if name:
            tracker.say(name)
            assert await tracker.hear() == b"hello\n"
        return tracker


@pytest.fixture(autouse=True)
def lines(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("tcp", "udp"):
        monkeypatch.setattr(f"gateway.inputs.{module}.TRACKER_PROTOCOLS", {"teltonika": LINES})
    monkeypatch.setattr("city.connections.SWEEP_S", QUICK_SWEEP_S)


@pytest.fixture
async def spool() -> FakeSpool:
    return FakeSpool()


Make = Callable[..., Awaitable[Inputs]]


@pytest.fixture
async def make(spool: FakeSpool) -> AsyncIterator[Make]:
    made: list[tuple[Inputs, set[asyncio.Task[None]]]] = []

    async def open_links(limits: dict[str, Any] = QUICK) -> Inputs:
        links = Inputs(spool, limits)
        await links.tcp.open()
        await links.udp.open()
        made.append((links, {asyncio.create_task(links.udp.run()), asyncio.create_task(links.tcp.run())}))
        return links

    yield open_links
    for links, tasks in made:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await links.udp.close()
        async with asyncio.timeout(1):
            await links.tcp.close()
        for tracker in links.trackers:
            tracker.writer.close()
        await asyncio.sleep(0.01)


async def test_the_acknowledgement_comes_only_when_the_spool_has_it(spool: FakeSpool, make: Make) -> None:
    tracker = await (await make()).connect(b"bus-1")
    spool.gate.clear()
    tracker.say(line(1))
    hearing = asyncio.create_task(tracker.hear())
    await asyncio.sleep(0.1)
    assert (spool.asked, hearing.done()) == (1, False)
    spool.gate.set()
    assert await hearing == b"ok\n"
    assert [(got.device, got.values) for got in spool.readings] == [("bus-1", {"temperature": 1.0})]


async def test_frames_may_come_in_any_pieces_and_answers_keep_their_order(spool: FakeSpool, make: Make) -> None:
    tracker = await (await make()).connect(b"bus-1")
    for byte in line(1) + b"\nping\n" + line(2) + b"\n":
        tracker.writer.write(bytes([byte]))
        await tracker.writer.drain()
    assert [await tracker.hear() for _ in range(3)] == [b"ok\n", b"pong\n", b"ok\n"]
    tracker.say(line(3), b"ping", line(4))
    assert [await tracker.hear() for _ in range(3)] == [b"ok\n", b"pong\n", b"ok\n"]
    assert spool.numbers() == [1, 2, 3, 4]


async def test_bytes_that_are_no_frame_are_kept_and_the_connection_ends(spool: FakeSpool, make: Make) -> None:
    links = await make()
    tracker = await links.connect(b"bus-1")
    tracker.say(line(1), b"garbage", line(2))
    assert [await tracker.hear() for _ in range(3)] == [b"ok\n", b"no\n", b""]
    (kept,) = spool.undecoded
    assert (kept.payload, kept.reason, kept.origin) == (b"garbage", "undecoded", "tcp:native?device=bus-1")
    assert spool.numbers() == [1]
    assert links.counters.failed["undecoded"] == 1


async def test_a_record_that_the_decoder_refuses_is_kept_and_acknowledged(spool: FakeSpool, make: Make) -> None:
    tracker = await (await make()).connect(b"bus-1")
    tracker.say(b'{"values": {}}', line(2))
    assert [await tracker.hear() for _ in range(2)] == [b"ok\n", b"ok\n"]
    assert [kept.payload for kept in spool.undecoded] == [b'{"values": {}}']
    assert spool.numbers() == [2]


async def test_a_bug_in_a_protocol_costs_one_connection(spool: FakeSpool, make: Make) -> None:
    links = await make()
    other = await links.connect(b"bus-2")
    tracker = await links.connect(b"bus-1")
    tracker.say(b"boom")
    assert await tracker.hear() == b""
    assert [kept.payload for kept in spool.undecoded] == [b"boom\n"]
    other.say(line(5))
    assert await other.hear() == b"ok\n"


async def test_while_the_spool_is_full_the_tracker_waits(spool: FakeSpool, make: Make) -> None:
    links = await make()
    tracker = await links.connect(b"bus-1")
    spool.error = SpoolFull("the disk is full")
    tracker.say(line(1))
    await until(lambda: links.counters.failed["spool"] > 1)
    spool.error = None
    assert await tracker.hear() == b"ok\n"
    assert spool.numbers() == [1]


async def test_a_tracker_that_leaves_while_the_spool_is_full_is_forgotten(spool: FakeSpool, make: Make) -> None:
    links = await make()
    tracker = await links.connect(b"bus-1")
    spool.error = SpoolFull("the disk is full")
    tracker.say(line(1))
    await until(lambda: spool.asked > 0)
    tracker.writer.close()
    await until(lambda: links.counters.failed["not_taken"] == 1)
    await until(lambda: not len(links.tcp._connections))


async def test_a_damaged_spool_acknowledges_nothing(spool: FakeSpool, make: Make) -> None:
    tracker = await (await make()).connect(b"bus-1")
    spool.error = Broken("the spool is damaged")
    tracker.say(line(1))
    assert await tracker.hear() == b""


async def test_who_says_nothing_is_shown_out(make: Make) -> None:
    links = await make()
    stranger, tracker = await links.connect(), await links.connect(b"bus-1")
    assert await stranger.hear() == b""
    assert links.counters.failed == {"slow_frame": 1}
    assert await tracker.hear() == b""
    assert links.counters.failed == {"slow_frame": 1, "silent": 1}


async def test_a_frame_that_drips_is_ended_and_one_a_moment_is_not(make: Make) -> None:
    links = await make(QUICK | {"idle_s": 60})
    dripping, speaking = await links.connect(b"bus-1"), await links.connect(b"bus-2")
    for number in range(8):
        dripping.writer.write(b"{")
        speaking.say(line(number))
        assert await speaking.hear() == b"ok\n"
        await asyncio.sleep(0.1)
    assert await dripping.hear() == b""
    assert links.counters.failed == {"slow_frame": 1}


async def test_a_frame_without_end_is_refused(spool: FakeSpool, make: Make) -> None:
    tracker = await (await make()).connect(b"bus-1")
    tracker.writer.write(bytes(1000))
    assert await tracker.hear() == b""
    assert [(kept.reason, len(kept.payload)) for kept in spool.undecoded] == [("too_large", 1000)]


async def test_a_frame_that_was_cut_is_only_counted(spool: FakeSpool, make: Make) -> None:
    links = await make()
    tracker = await links.connect(b"bus-1")
    tracker.writer.write(line(1)[:10])
    tracker.writer.close()
    await until(lambda: links.counters.failed["cut_short"] == 1)
    assert spool.asked == 0


async def test_of_one_address_only_half_are_let_in_and_the_longest_silent_makes_room(make: Make) -> None:
    links = await make(QUICK | {"idle_s": 60, "login_s": 60})
    inside = [await links.connect(b"bus") for _ in range(6)]
    assert [await tracker.hear() for tracker in inside[:2]] == [b"", b""]
    assert len(links.tcp._connections) == 4
    assert links.counters.failed == {"crowded_out": 2}
    inside[2].writer.close()
    await until(lambda: len(links.tcp._connections) == 3)
    await links.connect(b"bus")
    assert links.counters.failed == {"crowded_out": 2}


async def test_a_tracker_that_waits_for_the_spool_makes_room_for_no_other(spool: FakeSpool, make: Make) -> None:
    links = await make(QUICK | {"idle_s": 60, "login_s": 60})
    spool.gate.clear()
    working = [await links.connect(b"bus") for _ in range(4)]
    for number, tracker in enumerate(working):
        tracker.say(line(number))
    await until(lambda: spool.asked == 4)
    refused = await links.connect()
    assert await refused.hear() == b""
    assert links.counters.failed == {"too_many_connections": 1}
    spool.gate.set()
    assert [await tracker.hear() for tracker in working] == [b"ok\n"] * 4


async def test_who_sends_too_fast_is_read_more_slowly_and_loses_nothing(spool: FakeSpool, make: Make) -> None:
    links = await make(NORMAL | {"frames_a_second": 50.0})
    tracker = await links.connect(b"bus-1")
    began = asyncio.get_running_loop().time()
    tracker.say(*(line(number) for number in range(540)))
    for _ in range(540):
        assert await tracker.hear() == b"ok\n"
    assert 0.6 < asyncio.get_running_loop().time() - began < 3
    assert spool.numbers() == list(range(540))


async def test_a_tracker_that_takes_no_answers_does_not_hold_up_the_end(spool: FakeSpool, make: Make) -> None:
    links = await make()
    tracker = await links.connect(b"bus-1")
    spool.gate.clear()
    tracker.say(line(1))
    await until(lambda: spool.asked == 1)
    began = asyncio.get_running_loop().time()
    await links.tcp.close()
    assert asyncio.get_running_loop().time() - began < 0.5
    assert await tracker.hear() == b""


class PackPublisher(asyncio.DatagramProtocol):
    """A tracker's UDP socket."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr
        self.heard.append(data)


@pytest.fixture
async def sender(make: Make) -> AsyncIterator[tuple[Inputs, PackPublisher]]:
    links = await make()
    loop = asyncio.get_running_loop()
    _, sender = await loop.create_datagram_endpoint(PackPublisher, remote_addr=("127.0.0.1", links.udp.port))
    yield links, sender
    sender.transport.close()
    await asyncio.sleep(0.01)


async def test_datagrams_are_acknowledged_when_the_spool_has_them(
    spool: FakeSpool, sender: tuple[Inputs, PackPublisher]
) -> None:
    links, tracker = sender
    spool.gate.clear()
    for data in (b"bus-1 " + line(1), b"bus-2 ping", b"bus-2 garbage", b"bus-2 boom", b"bus-2 " + line(2)):
        tracker.transport.sendto(data)
    await until(lambda: spool.asked == 1)
    assert tracker.heard == []
    spool.gate.set()
    await until(lambda: len(tracker.heard) == 4)
    assert tracker.heard == [b"ok\n", b"pong\n", b"no\n", b"ok\n"]
    assert spool.numbers() == [1, 2]
    assert [kept.payload for kept in spool.undecoded] == [b"garbage", b"bus-2 boom"]
    assert links.counters.readings == 2


async def test_what_the_spool_refuses_is_not_acknowledged_and_may_come_again(
    spool: FakeSpool, sender: tuple[Inputs, PackPublisher]
) -> None:
    links, tracker = sender
    spool.error = SpoolFull("the disk is full")
    tracker.transport.sendto(b"bus-1 " + line(1))
    await until(lambda: links.counters.failed["spool"] == 1)
    assert tracker.heard == []
    spool.error = None
    tracker.transport.sendto(b"bus-1 " + line(1))
    await until(lambda: tracker.heard == [b"ok\n"])


async def test_datagrams_too_many_or_too_large_are_counted_and_not_acknowledged(
    spool: FakeSpool, sender: tuple[Inputs, PackPublisher]
) -> None:
    links, tracker = sender
    tracker.transport.sendto(b"bus-1 " + bytes(300))
    await until(lambda: links.counters.failed["too_large"] == 1)
    spool.gate.clear()
    for number in range(1_500):
        links.udp.datagram_received(b"bus-1 " + line(number), (f"127.0.0.{number % 200}", 9))
    assert links.counters.failed["overrun"] >= 400
    spool.gate.set()
    await until(lambda: len(spool.readings) >= 1_000)
    assert spool.most <= 200


async def test_one_address_does_not_fill_the_queue_of_datagrams(
    spool: FakeSpool, sender: tuple[Inputs, PackPublisher]
) -> None:
    links, _ = sender
    spool.gate.clear()
    for _ in range(2_000):
        links.udp.datagram_received(b"bus-1 " + line(1), ("127.0.0.9", 9))
    assert links.counters.failed == {"overrun": 1_750}
    links.udp.datagram_received(b"bus-2 " + line(2), ("127.0.0.8", 9))
    spool.gate.set()
    await until(lambda: 2 in spool.numbers())
    links.udp.datagram_received(b"bus-1 " + line(3), ("127.0.0.9", 9))
    await until(lambda: 3 in spool.numbers())


def test_a_bucket_lets_bursts_through_and_keeps_the_rate() -> None:
    bucket = TokenBucket(2.0, 0.0, burst=3)
    assert [bucket.take(0.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert bucket.take(1.0) == 0
    senders = TokenBuckets(0.1)
    assert [senders.try_take("a", 0.0), senders.try_take("a", 0.0), senders.try_take("b", 0.0)] == [True, False, True]
    assert not senders.try_take("a", 9.0)
    assert senders.try_take("a", 10.1)
    for number in range(20_000):
        senders.try_take(number, 11.0)
    assert len(senders._senders) == 10_000
