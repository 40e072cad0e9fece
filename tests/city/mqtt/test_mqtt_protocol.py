"""Bytes to packets and back, on a wire that is not there."""

import asyncio

import pytest
from mqtt5 import (
    ConnAckPacket,
    DisconnectPacket,
    DisconnectReasonCode,
    Packet,
    PingRespPacket,
    PubAckPacket,
    PubAckReasonCode,
    PublishPacket,
    QoS,
    SubAckPacket,
    SubAckReasonCode,
)

from city.mqtt.codec import packet_size
from city.mqtt.counters import Counters
from city.mqtt.errors import MqttError, StreamError
from city.mqtt.inbox import Inbox
from city.mqtt.protocol import Link


class Wire(asyncio.Transport):
    """A transport without a socket."""

    def __init__(self) -> None:
        super().__init__()
        self.reading = True
        self.aborted = False
        self.written: list[bytes] = []

    def is_closing(self) -> bool:
        return self.aborted

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def abort(self) -> None:
        self.aborted = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))


class End:
    """A link with everything around it."""

    def __init__(self, max_messages: int = 1000, max_bytes: int = 2**20) -> None:
        self.inbox = Inbox(max_messages, max_bytes)
        self.counters = Counters()
        self.packets: list[Packet] = []
        self.link = Link(self.inbox, self.counters, self.packets.append, lambda: None)
        self.wire = Wire()
        self.link.connection_made(self.wire)

    def feed(self, data: bytes) -> None:
        """Hand over bytes as a socket does, as many at a time as the link has room for."""
        while data:
            room = self.link.get_buffer(-1)
            size = min(len(room), len(data))
            assert size > 0
            room[:size] = data[:size]
            self.link.buffer_updated(size)
            data = data[size:]

    def lost(self) -> MqttError:
        """Return why the link gave up."""
        assert self.wire.aborted
        self.link.connection_lost(None)
        return self.link.closed.result()


def publish(number: int, payload: bytes = b"x" * 20) -> bytes:
    return PublishPacket("a/b", payload, qos=QoS.AT_LEAST_ONCE, packet_id=number).write()


PACKETS: dict[str, bytes] = {
    "connack": ConnAckPacket(server_keep_alive=9, assigned_client_id="me", user_properties=[("k", "v")]).write(),
    "suback": SubAckPacket(1, [SubAckReasonCode.NOT_AUTHORIZED], reason_str="no").write(),
    "puback": PubAckPacket(513, reason_code=PubAckReasonCode.QUOTA_EXCEEDED, reason_str="full").write(),
    "puback short": b"\x40\x02\x02\x01",
    "publish 0": PublishPacket("a/b", b"payload", content_type="json").write(),
    "publish 1": PublishPacket(
        "a/b", b"payload", qos=QoS.AT_LEAST_ONCE, packet_id=77, user_properties=[("k", "v")]
    ).write(),
    "publish long": PublishPacket("a/b", bytes(200)).write(),
    "pingresp": PingRespPacket().write(),
    "disconnect": DisconnectPacket(reason_code=DisconnectReasonCode.SERVER_SHUTTING_DOWN, reason_str="bye").write(),
    "disconnect short": b"\xe0\x00",
}


@pytest.mark.parametrize("name", PACKETS)
async def test_every_truncation_of_every_packet_waits_for_the_rest(name: str) -> None:
    data = PACKETS[name]
    for cut in range(len(data)):
        end = End()
        end.feed(ConnAckPacket().write())
        end.feed(data[:cut])
        assert not end.wire.aborted
        assert len(end.packets) == 1
        assert end.inbox.waiting == 0
        end.feed(data[cut:])
        assert len(end.packets) + end.inbox.waiting == 2
        assert not end.wire.aborted


@pytest.mark.parametrize("name", PACKETS)
async def test_a_packet_cut_short_inside_ends_the_connection_and_nothing_else(name: str) -> None:
    """The header's length says that the packet is whole, but its fields go on behind its end."""
    data = PACKETS[name]
    for cut in range(2, min(len(data), 120)):
        short = data[:1] + bytes([cut - 2]) + data[2:cut]
        end = End()
        end.feed(ConnAckPacket().write())
        end.feed(short)
        if end.wire.aborted:
            assert isinstance(end.lost(), StreamError)
        else:
            # Some prefixes are packets in their own right, such as a shorter payload.
            assert len(end.packets) + end.inbox.waiting == 2


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x00",
        b"\xff\xff\xff\xff\xff\xff",
        b"\x30\x05\x00\x09abc",
        b"\x30\xff\xff\xff\x7f\x00",
        b"\x36\x07\x00\x01a\x00\x01\x00z",
        b"\x34\x07\x00\x01a\x00\x01\x00z",
        b"\x30\x07\x00\x00\x03\x23\x00\x01z",
        b"\x40\x03\x00\x07\x61",
    ],
    ids=["type 0", "length", "overrun", "too large", "QoS 3", "QoS 2", "alias", "reason"],
)
async def test_garbage_ends_the_connection_with_a_reason(data: bytes) -> None:
    end = End()
    end.feed(ConnAckPacket().write() + publish(1))
    end.feed(data)
    reason = end.lost()
    assert isinstance(reason, StreamError)
    assert str(reason)
    assert end.inbox.waiting == 1


# The codec panics there, and leaves an error behind that nobody can catch.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_text_that_is_not_utf_8_ends_the_connection_with_a_reason() -> None:
    end = End()
    end.feed(ConnAckPacket().write() + b"\x30\x05\x00\x03\xff\xfe\xfd")
    assert "UTF-8" in str(end.lost())


async def test_a_publish_before_the_connack_ends_the_connection() -> None:
    end = End()
    end.feed(publish(1))
    assert isinstance(end.lost(), StreamError)
    assert end.inbox.waiting == 0


async def test_an_error_while_handling_ends_the_connection_and_skips_the_rest() -> None:
    def refuse(_: Packet) -> None:
        raise StreamError("not this one")

    end = End()
    end.link._handle = refuse
    end.feed(ConnAckPacket().write() + publish(1))
    assert str(end.lost()) == "not this one"
    assert end.inbox.waiting == 0


@pytest.mark.parametrize("size", [1, 7, 4096, 65536, 262144])
async def test_messages_come_out_whole_and_in_order_however_the_socket_cuts_them(size: int) -> None:
    end = End(max_bytes=2**30)
    payloads = [bytes([number % 251]) * length for number, length in enumerate((0, 1, 5000, 70_000, 3, 900_000, 2) * 3)]
    if size < 100:
        payloads = [payload[:300] for payload in payloads]
    data = ConnAckPacket().write() + b"".join(publish(number + 1, payload) for number, payload in enumerate(payloads))
    for start in range(0, len(data), size):
        end.feed(data[start : start + size])
    assert [message.payload for message in end.inbox.take(100)] == payloads
    assert end.counters.bytes_in == len(data)
    # A large packet does not leave a large buffer behind.
    assert len(end.link.get_buffer(-1)) == 262144


async def test_flags_are_told() -> None:
    end = End()
    end.feed(ConnAckPacket().write())
    end.feed(PublishPacket("r", b"", retain=True).write())
    end.feed(PublishPacket("d", b"", qos=QoS.AT_LEAST_ONCE, duplicate=True, packet_id=9).write())
    retained, again = end.inbox.take(9)
    assert (retained.retain, retained.qos, retained.duplicate, retained.packet_id) == (True, 0, False, 0)
    assert (again.retain, again.qos, again.duplicate, again.packet_id) == (False, 1, True, 9)
    assert retained.received_ns > 1_700_000_000_000_000_000


async def test_a_full_inbox_stops_reading_exactly_and_acknowledging_resumes_it() -> None:
    end = End(max_messages=3)
    end.feed(ConnAckPacket().write() + b"".join(publish(number) for number in range(1, 9)))
    assert not end.wire.reading
    assert end.inbox.messages == 3
    seen: list[int] = []
    while len(seen) < 8:
        taken = end.inbox.take(2)
        seen += end.inbox.acknowledge(taken)
        end.link.resume()
        assert end.inbox.messages <= 3
    assert end.wire.reading
    assert seen == list(range(1, 9))
    assert end.counters.paused == 1


async def test_answers_pass_a_full_inbox_when_no_publish_is_before_them() -> None:
    end = End(max_messages=1)
    end.feed(ConnAckPacket().write() + publish(1) + PingRespPacket().write() + PubAckPacket(5).write())
    assert end.wire.reading
    assert [type(packet) for packet in end.packets[1:]] == [PingRespPacket, PubAckPacket]


async def test_a_partial_packet_behind_a_full_inbox_is_not_forgotten() -> None:
    end = End(max_messages=1)
    large = publish(3, bytes(5000))
    end.feed(ConnAckPacket().write() + publish(1))
    end.feed(publish(2)[:10])
    assert not end.wire.reading
    end.inbox.acknowledge(end.inbox.take(1))
    end.link.resume()
    assert end.wire.reading
    end.feed(publish(2)[10:] + large[:100])
    assert not end.wire.reading
    end.inbox.acknowledge(end.inbox.take(1))
    end.link.resume()
    assert end.wire.reading
    end.feed(large[100:])
    assert [message.payload for message in end.inbox.take(9)] == [bytes(5000)]


async def test_writes_of_one_turn_leave_as_one() -> None:
    end = End()
    for data in (b"a", b"b", b"c"):
        end.link.write(data)
    assert end.wire.written == []
    await asyncio.sleep(0)
    assert end.wire.written == [b"abc"]


@pytest.mark.parametrize("make", PACKETS.values(), ids=PACKETS)
def test_the_size_is_known_from_the_header(make: bytes) -> None:
    assert packet_size(memoryview(make)) == len(make)
    assert packet_size(memoryview(make)[:1]) is None
