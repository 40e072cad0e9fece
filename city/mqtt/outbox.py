"""Our own messages on their way to the broker: numbered, counted, each with its answer."""

import asyncio

from mqtt5 import ConnAckPacket, PubAckPacket, PubAckReasonCode, PublishPacket, QoS

from city.mqtt.errors import Disconnected, PublishRefused
from city.mqtt.packets import MAX_IN_FLIGHT, reason
from city.mqtt.protocol import Link

# A packet's length after its header is at most four groups of seven bits.
_MAX_LENGTH = 2**28 - 1
_MAX_TOPIC = 65_535
_REFUSED = 0x80
_FORBIDDEN = frozenset("+#\0")


class Outbox:
    """The publishes of one connection. A lost connection fails them all, since their outcome is unknown.

    Args:
        link: where the packets go.
        broker: the broker's CONNACK, which sets the limits.
    """

    def __init__(self, link: Link, broker: ConnAckPacket) -> None:
        self._link = link
        self._broker = broker
        self._answers: dict[int, asyncio.Future[PubAckPacket]] = {}
        # SUBSCRIBE shares the packet ids, so one stays free.
        self._quota = asyncio.Semaphore(min(broker.receive_max, MAX_IN_FLIGHT - 1))
        self._last_id = 0

    @property
    def oldest(self) -> asyncio.Future[PubAckPacket] | None:
        """The answer that is waited for longest."""
        return next(iter(self._answers.values()), None)

    async def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> bool:
        """Send one message and, at QoS 1, wait for the broker's answer.

        Returns:
            False if the broker said that nobody subscribes to the topic.

        Raises:
            Disconnected: the connection ended before the answer.
            NotSent: it ended before the message's turn.
            PublishRefused: the broker said no, or its limits or the standard forbid to ask.
        """
        self._check(topic, payload, qos=qos, retain=retain)
        if not qos:
            await self._link.writable()
            self._link.write(PublishPacket(topic, payload, retain=retain).write())
            return True
        await self._quota.acquire()
        try:
            await self._link.writable()
            packet_id = self.free_id()
            packet = PublishPacket(topic, payload, qos=QoS.AT_LEAST_ONCE, retain=retain, packet_id=packet_id).write()
        except BaseException:
            self._quota.release()
            raise
        # From here on the answer alone returns the share of the quota: giving up does not free the packet id.
        answer: asyncio.Future[PubAckPacket] = asyncio.get_running_loop().create_future()
        self._answers[packet_id] = answer
        self._link.write(packet)
        puback = await answer
        if puback.reason_code.value >= _REFUSED:
            raise PublishRefused(topic, reason(puback.reason_code.name, puback.reason_str))
        return puback.reason_code != PubAckReasonCode.NO_MATCHING_SUBSCRIBERS

    def answer(self, packet: PubAckPacket) -> None:
        """Hand a PUBACK to the publish that waits for it."""
        answer = self._answers.pop(packet.packet_id, None)
        if answer is None:
            # The answer to a message of an earlier connection: no publish waits for it any more.
            return
        self._quota.release()
        if not answer.done():
            answer.set_result(packet)

    def lost(self) -> None:
        """Fail everything that waits for an answer or for its turn."""
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(Disconnected("the connection ended before the broker had answered"))
            self._quota.release()
        self._answers.clear()

    def free_id(self) -> int:
        """Return a packet id that is not in use; the quota keeps one free."""
        while True:
            self._last_id = self._last_id % MAX_IN_FLIGHT + 1
            if self._last_id not in self._answers:
                return self._last_id

    def _check(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> None:
        """Raise PublishRefused for what the broker would answer by closing the connection."""
        name = len(topic.encode())
        if not topic or name > _MAX_TOPIC or not _FORBIDDEN.isdisjoint(topic):
            raise PublishRefused(topic[:80], "no topic to publish to")
        if qos > self._broker.max_qos.value:
            raise PublishRefused(topic, "the broker takes QoS 0 only")
        if retain and not self._broker.retain_available:
            raise PublishRefused(topic, "the broker retains nothing")
        # The topic with its length, the packet id, no properties, the payload.
        length = 2 + name + 2 * qos + 1 + len(payload)
        size = 1 + max(1, -(-length.bit_length() // 7)) + length
        if length > _MAX_LENGTH or size > (self._broker.max_packet_size or size):
            raise PublishRefused(topic, f"a packet of {size} bytes is larger than the broker takes")
