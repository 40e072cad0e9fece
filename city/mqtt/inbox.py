"""The messages between the broker's hand-over and our acknowledgement: bounded, in order, no I/O."""

from collections import deque
from collections.abc import Iterable, Sequence

import msgspec

# A message whose epoch is this has been acknowledged; real epochs count from 1.
_SETTLED = 0


class Message(msgspec.Struct, gc=False, eq=False):
    """One message as the broker delivered it.

    A struct without garbage collection: one is made per message, and none can be part of a cycle.

    Attributes:
        topic: the topic it was published to.
        payload: its bytes, a copy of its own.
        received_ns: when its bytes were read from the socket, nanoseconds since 1970 UTC; see `ArrivalClock`.
        retain: the broker had kept it from before the subscription.
        qos: the quality of service it was delivered with, 0 or 1.
        duplicate: the broker may have delivered it before.
        epoch: the session's own: the connection that delivered it, or 0 once acknowledged.
        packet_id: the session's own: the broker's number for it, 0 at QoS 0.
        subscription_ids: ids of the subscriptions by which it came, if any has one.
    """

    topic: str
    payload: bytes
    received_ns: int
    retain: bool = False
    qos: int = 1
    duplicate: bool = False
    epoch: int = _SETTLED
    packet_id: int = 0
    subscription_ids: Sequence[int] = ()


def restamp(messages: Iterable[Message], by_ns: int, *, unless: range) -> None:
    """Move receive times that don't lie in a range."""
    for message in messages:
        if message.received_ns not in unless:
            message.received_ns += by_ns


class Inbox:
    """Holds what was received and not yet acknowledged, and says when that is enough.

    A message counts from its receipt until nothing here and, as far as we know, nothing at the consumer refers to it:

    - QoS 1, delivered by the present connection: until its PUBACK leaves. PUBACKs leave in the order of receipt, so an
      acknowledged message behind an unacknowledged one counts on, as it does at the broker.
    - QoS 0, and QoS 1 of an earlier connection: until it is acknowledged, though nothing is sent for it.

    Messages of a lost connection that the consumer has not taken stay. The broker usually delivers them again, and
    then they are processed twice; but a broker that was killed may have forgotten them, and then these are the only
    copies.

    Args:
        max_messages: how many messages may be held.
        max_bytes: how many bytes of topic and payload. One message too many is allowed, so that any size can pass.
    """

    def __init__(self, max_messages: int, max_bytes: int) -> None:
        self.epoch = 1
        self.full = False
        self.messages = 0
        self.bytes = 0
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._waiting: deque[Message] = deque()
        self._order: deque[Message] = deque()

    @property
    def waiting(self) -> int:
        """How many messages the consumer has not taken yet."""
        return len(self._waiting)

    def accept(self, message: Message) -> None:
        """Take in a message of the present connection. The caller asks `full` first."""
        self._waiting.append(message)
        if message.qos:
            self._order.append(message)
        self.messages += 1
        self.bytes += len(message.payload) + len(message.topic)
        self.full = self.messages >= self._max_messages or self.bytes >= self._max_bytes

    def take(self, max_messages: int) -> list[Message]:
        """Hand out up to `max_messages` messages, oldest first."""
        waiting = self._waiting
        if max_messages >= len(waiting):
            taken = list(waiting)
            waiting.clear()
            return taken
        return [waiting.popleft() for _ in range(max_messages)]

    def restamp(self, by_ns: int, *, unless: range) -> None:
        """Move the receive time of what waits."""
        restamp(self._waiting, by_ns, unless=unless)

    def acknowledge(self, messages: Iterable[Message]) -> list[int]:
        """Note that the consumer is done with these, in any order; twice is once.

        Returns:
            The packet ids to acknowledge to the broker now, in the order of receipt (MQTT 5, 4.6.0-2).
        """
        epoch = self.epoch
        freed = freed_bytes = 0
        for message in messages:
            was = message.epoch
            if was == _SETTLED:
                continue
            message.epoch = _SETTLED
            if was != epoch or not message.qos:
                freed += 1
                freed_bytes += len(message.payload) + len(message.topic)
        order = self._order
        packet_ids = []
        while order and order[0].epoch == _SETTLED:
            message = order.popleft()
            packet_ids.append(message.packet_id)
            freed_bytes += len(message.payload) + len(message.topic)
        self._release(freed + len(packet_ids), freed_bytes)
        return packet_ids

    def lost(self) -> None:
        """Note that the connection is gone: what it delivered can no longer be acknowledged to the broker."""
        settled = [message for message in self._order if message.epoch == _SETTLED]
        self._order.clear()
        self._release(len(settled), sum(len(message.payload) + len(message.topic) for message in settled))
        self.epoch += 1

    def _release(self, messages: int, size: int) -> None:
        """Free a share of the budget."""
        self.messages -= messages
        self.bytes -= size
        self.full = self.messages >= self._max_messages or self.bytes >= self._max_bytes
