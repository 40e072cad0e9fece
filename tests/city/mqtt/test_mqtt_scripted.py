"""A broker that says exactly what a test tells it to: refusals, lies, silence and nonsense."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import mqtt5
import pytest

from city.mqtt import Address, Disconnected, NotSent, PublishRefused, Session, Subscription, Will, session

CITY = (Subscription("city/#"),)


class Peer:
    """The broker's end of one connection, packet by packet."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._bytes = b""

    async def next(self) -> mqtt5.Packet:
        """Return the client's next packet; an EOFError says that it has gone."""
        while True:
            try:
                packet, size = mqtt5.read(memoryview(self._bytes))
            except IndexError:
                more = await self._reader.read(65536)
                if not more:
                    raise EOFError from None
                self._bytes += more
            else:
                self._bytes = self._bytes[size:]
                return packet

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def accept(self, answer: mqtt5.ConnAckPacket | None = None) -> mqtt5.ConnectPacket:
        """Take the CONNECT and answer it."""
        connect = await self.next()
        assert isinstance(connect, mqtt5.ConnectPacket)
        self.send((answer or mqtt5.ConnAckPacket()).write())
        return connect

    async def subscribed(self) -> mqtt5.SubscribePacket:
        packet = await self.next()
        assert isinstance(packet, mqtt5.SubscribePacket)
        code = mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE
        self.send(mqtt5.SubAckPacket(packet.packet_id, [code] * len(packet.topic_filters)).write())
        return packet


Script = Callable[[Peer], Awaitable[None]]
Play = Callable[..., Awaitable[Address]]


async def silence(peer: Peer) -> None:
    while True:
        await peer.next()


@pytest.fixture
async def play() -> AsyncIterator[Play]:
    """Give a function that starts a server which plays one script a connection; with no script left it stays silent.

    So the errors that a test looks for are not wiped out by the next connection's success.
    """
    servers: list[asyncio.Server] = []
    tasks: list[asyncio.Task[None]] = []

    async def begin(*scripts: Script) -> Address:
        left = list(scripts)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.append(task)
            try:
                await (left.pop(0) if left else silence)(Peer(reader, writer))
            except (EOFError, ConnectionError, asyncio.CancelledError):
                pass
            finally:
                writer.transport.abort()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        servers.append(server)
        return Address("127.0.0.1", server.sockets[0].getsockname()[1])

    yield begin
    for server in servers:
        server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def failed(ours: Session) -> str:
    """Return the session's first error."""
    for _ in range(2000):
        if ours.last_error is not None:
            return ours.last_error
        await asyncio.sleep(0.005)
    raise AssertionError("nothing failed")


async def test_what_we_ask_for_is_what_the_broker_reads(play: Play) -> None:
    connects: list[mqtt5.ConnectPacket] = []
    subscribes: list[mqtt5.SubscribePacket] = []

    async def script(peer: Peer) -> None:
        connects.append(await peer.accept())
        subscribes.append(await peer.subscribed())
        await peer.next()

    address = await play(script)
    ours = Session(
        Address(address.host, address.port, user="gw"),
        client_id="me",
        subscriptions=[Subscription("a/#"), Subscription("$share/g/b", qos=0)],
        max_messages=100,
        session_expiry_s=99,
        keep_alive_s=7,
    )
    async with ours:
        await ours.connected()
    (connect,) = connects
    assert (connect.client_id, connect.username, connect.password) == ("me", "gw", None)
    assert (connect.clean_start, connect.session_expiry_interval, connect.keep_alive) == (False, 99, 7)
    assert (connect.receive_max, connect.topic_alias_max, connect.max_packet_size) == (100, 0, 16 * 2**20)
    (subscribe,) = subscribes
    assert [(each.pattern, each.max_qos.value) for each in subscribe.topic_filters] == [("a/#", 1), ("$share/g/b", 0)]


async def test_a_silent_broker_is_given_up_after_the_keep_alive(play: Play) -> None:
    pings: list[mqtt5.Packet] = []

    async def script(peer: Peer) -> None:
        await peer.accept()
        while True:
            pings.append(await peer.next())

    async with Session(await play(script), client_id="x", keep_alive_s=1) as ours:
        await ours.connected()
        began = asyncio.get_running_loop().time()
        assert "silent" in await failed(ours)
        assert 0.9 < asyncio.get_running_loop().time() - began < 1.6
        assert pings
        assert all(isinstance(ping, mqtt5.PingReqPacket) for ping in pings)


async def test_the_brokers_own_keep_alive_counts(play: Play) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(mqtt5.ConnAckPacket(server_keep_alive=1))
        while True:
            await peer.next()

    async with Session(await play(script), client_id="x", keep_alive_s=600) as ours:
        assert "silent for 1 s" in await failed(ours)


async def test_a_broker_that_never_answers_subscribe_is_given_up(play: Play) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        while True:
            if isinstance(await peer.next(), mqtt5.PingReqPacket):
                peer.send(mqtt5.PingRespPacket().write())

    async with Session(await play(script), client_id="x", subscriptions=CITY, keep_alive_s=1) as ours:
        assert "SUBSCRIBE" in await failed(ours)
        assert not ours.is_connected


async def test_a_refused_subscription_is_named(play: Play) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        packet = await peer.next()
        assert isinstance(packet, mqtt5.SubscribePacket)
        codes = [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE, mqtt5.SubAckReasonCode.NOT_AUTHORIZED]
        peer.send(mqtt5.SubAckPacket(packet.packet_id, codes).write())
        await peer.next()

    subscriptions = [Subscription("mine/#"), Subscription("theirs/#")]
    async with Session(await play(script), client_id="x", subscriptions=subscriptions) as ours:
        error = await failed(ours)
        assert "theirs/# (not_authorized)" in error
        assert "mine" not in error


@pytest.mark.parametrize(
    ("last_words", "reason"),
    [
        (b"\xe0\x01\x8b", "server_shutting_down"),
        (b"\x00\x00", "malformed"),
        (b"\x30\x05\x00\x09abc", "malformed"),
        (mqtt5.ConnAckPacket().write(), "unexpected ConnAckPacket"),
        (mqtt5.SubscribePacket(1, [mqtt5.TopicFilter("a")]).write(), "unexpected SubscribePacket"),
        (b"", "closed the connection"),
    ],
)
async def test_whatever_ends_a_connection_is_told_and_followed_by_another(
    play: Play, last_words: bytes, reason: str
) -> None:
    told = asyncio.Event()

    async def first(peer: Peer) -> None:
        await peer.accept()
        await peer.subscribed()
        peer.send(last_words)
        if last_words:
            await peer.next()

    async def second(peer: Peer) -> None:
        await told.wait()
        await peer.accept()
        await peer.subscribed()
        await peer.next()

    async with asyncio.timeout(10), Session(await play(first, second), client_id="x", subscriptions=CITY) as ours:
        assert reason in await failed(ours)
        told.set()
        await ours.connected()
        assert ours.counters.reconnects == 1


async def test_the_brokers_receive_maximum_is_honoured(play: Play) -> None:
    largest = 0
    answered = 0

    async def script(peer: Peer) -> None:
        nonlocal largest, answered
        await peer.accept(mqtt5.ConnAckPacket(receive_max=3))
        waiting: list[int] = []
        while answered < 20:
            try:
                async with asyncio.timeout(0.01):
                    packet = await peer.next()
            except TimeoutError:
                answered += len(waiting)
                for number in reversed(waiting):
                    peer.send(mqtt5.PubAckPacket(number).write())
                waiting.clear()
                continue
            assert isinstance(packet, mqtt5.PublishPacket)
            assert packet.packet_id is not None
            assert packet.packet_id not in waiting
            waiting.append(packet.packet_id)
            largest = max(largest, len(waiting))
        await peer.next()

    async with asyncio.timeout(10), Session(await play(script), client_id="x") as ours:
        await ours.connected()
        publishes = [asyncio.create_task(ours.publish("a", b"")) for _ in range(22)]
        await asyncio.sleep(0)
        # A caller who gives up before its turn, and one after it, leave the count right.
        publishes[10].cancel()
        publishes[0].cancel()
        results = await asyncio.gather(*publishes, return_exceptions=True)
        assert largest == 3
        assert results.count(True) == 20


@pytest.mark.parametrize("waiting", [1, 10])
async def test_a_lost_connection_fails_what_waits_for_an_answer_and_what_waits_for_its_turn(
    play: Play, waiting: int
) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(mqtt5.ConnAckPacket(receive_max=2))
        await peer.next()

    async with asyncio.timeout(10), Session(await play(script), client_id="x") as ours:
        await ours.connected()
        results = await asyncio.gather(*[ours.publish("a", b"") for _ in range(waiting)], return_exceptions=True)
        assert [type(result) for result in results] == [Disconnected] * min(2, waiting) + [NotSent] * (waiting - 2)
        with pytest.raises(NotSent):
            await ours.publish("a", b"")


async def test_a_publish_the_broker_refuses_says_why(play: Play) -> None:
    async def script(peer: Peer) -> None:
        no_more = mqtt5.ConnAckPacket(retain_available=False)
        await peer.accept(no_more)
        packet = await peer.next()
        assert isinstance(packet, mqtt5.PublishPacket)
        assert packet.packet_id is not None
        peer.send(mqtt5.PubAckPacket(packet.packet_id, reason_code=mqtt5.PubAckReasonCode.QUOTA_EXCEEDED).write())
        await peer.next()

    async with Session(await play(script), client_id="x") as ours:
        await ours.connected()
        with pytest.raises(PublishRefused) as refused:
            await ours.publish("a", b"")
        assert refused.value.reason == "quota_exceeded"
        with pytest.raises(PublishRefused, match="retains nothing"):
            await ours.publish("a", b"", retain=True)


@pytest.mark.parametrize("packet", ["40 03 0001 95", "40 07 0001 95 03 1f 0000"])
async def test_a_refusal_with_a_code_of_its_own_is_one_message_refused(play: Play, packet: str) -> None:
    answer = bytes.fromhex(packet)

    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.next()
        for byte in answer:
            peer.send(bytes((byte,)))
            await asyncio.sleep(0.01)
        second = await peer.next()
        assert isinstance(second, mqtt5.PublishPacket)
        peer.send(mqtt5.PubAckPacket(second.packet_id or 0).write())
        await peer.next()

    async with asyncio.timeout(10), Session(await play(script), client_id="x") as ours:
        await ours.connected()
        with pytest.raises(PublishRefused) as refused:
            await ours.publish("a", b"too large")
        assert refused.value.reason == "unspecified_error (code 0x95)"
        await ours.publish("a", b"")
        assert ours.counters.reconnects == 0


@pytest.mark.parametrize("packet", ["40 03 0001 05", "40 01 00", "40 04 0001 01 00", "40 ff ff ff 7f 0001 95"])
async def test_what_is_no_answer_ends_the_connection(play: Play, packet: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        peer.send(bytes.fromhex(packet))
        await peer.next()

    async with asyncio.timeout(10), Session(await play(script), client_id="x") as ours:
        assert "packet" in await failed(ours)


async def test_an_answer_that_never_comes_ends_the_connection_though_others_come(play: Play) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        swallowed = False
        while True:
            packet = await peer.next()
            if isinstance(packet, mqtt5.PingReqPacket):
                peer.send(mqtt5.PingRespPacket().write())
            elif isinstance(packet, mqtt5.PublishPacket) and swallowed:
                peer.send(mqtt5.PubAckPacket(packet.packet_id or 0).write())
            swallowed = swallowed or isinstance(packet, mqtt5.PublishPacket)

    async def chatter(ours: Session) -> None:
        while True:
            await ours.publish("a", b"")
            await asyncio.sleep(0.05)

    async with asyncio.timeout(10), Session(await play(script), client_id="x", keep_alive_s=1) as ours:
        await ours.connected()
        lost = asyncio.create_task(ours.publish("a", b""))
        await asyncio.sleep(0)
        others = asyncio.create_task(chatter(ours))
        began = asyncio.get_running_loop().time()
        assert "PUBLISH for 2 s" in await failed(ours)
        assert 1.9 < asyncio.get_running_loop().time() - began < 3.5
        with pytest.raises(Disconnected):
            await lost
        with pytest.raises(Disconnected):
            await others


async def test_slow_answers_are_waited_for_as_long_as_they_come(play: Play) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        waiting: list[int] = []
        while True:
            try:
                async with asyncio.timeout(0.7):
                    packet = await peer.next()
            except TimeoutError:
                peer.send(mqtt5.PubAckPacket(waiting.pop(0)).write())
                continue
            if isinstance(packet, mqtt5.PublishPacket):
                waiting.append(packet.packet_id or 0)
            elif waiting:
                peer.send(mqtt5.PingRespPacket().write() + mqtt5.PubAckPacket(waiting.pop(0)).write())

    async with asyncio.timeout(20), Session(await play(script), client_id="x", keep_alive_s=1) as ours:
        await ours.connected()
        await asyncio.gather(*(ours.publish("a", b"") for _ in range(8)))
        assert ours.counters.reconnects == 0


async def test_a_broker_cannot_make_us_wait_longer_for_its_signs_of_life(play: Play) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(mqtt5.ConnAckPacket(server_keep_alive=65_535))
        while True:
            await peer.next()

    async with Session(await play(script), client_id="x", keep_alive_s=1) as ours:
        assert "silent for 1 s" in await failed(ours)


async def test_a_will_that_cannot_be_retained_is_asked_for_without(play: Play) -> None:
    connects: list[mqtt5.ConnectPacket] = []

    async def refuse(peer: Peer) -> None:
        code = mqtt5.ConnAckReasonCode.RETAIN_NOT_SUPPORTED
        connects.append(await peer.accept(mqtt5.ConnAckPacket(reason_code=code, retain_available=False)))
        await peer.next()

    async def take(peer: Peer) -> None:
        connects.append(await peer.accept(mqtt5.ConnAckPacket(retain_available=False)))
        await peer.next()

    address = await play(refuse, take)
    async with asyncio.timeout(10), Session(address, client_id="x", will=Will("a", b"gone", retain=True)) as ours:
        await ours.connected()
    assert [connect.will and connect.will.retain for connect in connects] == [True, False]


@pytest.mark.parametrize(
    ("last_words", "expected"),
    [
        (b"", [0.1, 0.1, 0.1]),
        (
            mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER).write(),
            [0.1, 0.2, 0.4],
        ),
    ],
    ids=["broken", "taken over"],
)
async def test_a_connection_that_got_something_done_is_followed_by_the_next_soon_unless_a_rival_ended_it(
    play: Play, monkeypatch: pytest.MonkeyPatch, last_words: bytes, expected: list[float]
) -> None:
    bounds: list[float] = []

    class Noted(session.Backoff):
        def next(self) -> float:
            bounds.append(self._bound_s)
            super().next()
            return 0.0

    monkeypatch.setattr(session, "Backoff", Noted)

    async def script(peer: Peer) -> None:
        await peer.accept()
        packet = await peer.next()
        assert isinstance(packet, mqtt5.PublishPacket)
        peer.send(mqtt5.PubAckPacket(packet.packet_id or 0).write())
        peer.send(last_words)

    async with asyncio.timeout(10), Session(await play(script, script, script), client_id="x") as ours:
        for number in range(3):
            while ours.counters.reconnects < number or not ours.is_connected:
                await asyncio.sleep(0.001)
            await ours.publish("a", b"")
        while len(bounds) < 3:
            await asyncio.sleep(0.001)
    assert bounds[:3] == expected


async def test_a_broker_that_takes_only_qos_0_is_believed(play: Play) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(mqtt5.ConnAckPacket(max_qos=mqtt5.QoS.AT_MOST_ONCE))
        await peer.next()

    async with Session(await play(script), client_id="x") as ours:
        await ours.connected()
        with pytest.raises(PublishRefused, match="QoS 0"):
            await ours.publish("a", b"")


async def test_a_broker_that_stops_reading_holds_publishes_back(play: Play) -> None:
    go_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.accept()
        await go_on.wait()
        while True:
            await peer.next()

    async with asyncio.timeout(20), Session(await play(script), client_id="x") as ours:
        await ours.connected()
        payload = bytes(2**20)
        publishes = [asyncio.create_task(ours.publish("a", payload, qos=0)) for _ in range(40)]
        for _ in range(40):
            await asyncio.sleep(0)
        assert ours._connection is not None
        sent = []
        for number in range(60):
            task = asyncio.create_task(ours.publish("a", payload, qos=0))
            done, _ = await asyncio.wait((task,), timeout=0.05)
            sent.append(task)
            if not done:
                break
            assert number < 50
        assert not sent[-1].done()
        go_on.set()
        await asyncio.gather(*publishes, *sent)
