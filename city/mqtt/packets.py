"""What a session asks of the broker, and the packets that say it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from mqtt5 import ConnectPacket, QoS, RetainHandling, SubAckPacket, SubscribePacket, TopicFilter, UnsubscribePacket
from mqtt5 import Will as WillPacket

from city.mqtt.address import Address
from city.mqtt.errors import SubscribeError

# The largest packet that we accept, in bytes; announced in CONNECT.
MAX_PACKET = 16 * 2**20
# The receive maximum is 16 bits wide, and so are packet ids.
MAX_IN_FLIGHT = 65_535
# The codec's codes are no integers, whatever its type stub says: compare their values.
_REFUSED = 0x80


@dataclass(frozen=True, slots=True)
class Subscription:
    """A topic filter to receive.

    Attributes:
        pattern: the filter, `$share/<group>/...` included.
        qos: the highest quality of service to receive with, 0 or 1.
        retained: whether the broker is to send what it had kept; one that is asked not to may do so all the same.
        id: a number from 1 to 268,435,455 that messages bear which come by it (MQTT 5, 3.8.2.1.2); None: they don't.
    """

    pattern: str
    qos: int = 1
    retained: bool = True
    id: int | None = None

    def __post_init__(self) -> None:
        check_qos(self.qos)


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes for us when our connection ends without a goodbye."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False

    def __post_init__(self) -> None:
        check_qos(self.qos)


def check_qos(qos: int) -> None:
    """Raise ValueError unless the quality of service is one we speak."""
    if qos not in {0, 1}:
        raise ValueError(f"quality of service is 0 or 1 here, not {qos}")


def connect_packet(
    address: Address,
    client_id: str,
    *,
    will: Will | None,
    session_expiry_s: int,
    keep_alive_s: int,
    max_in_flight: int,
) -> bytes:
    """Return a CONNECT that resumes the session.

    Raises:
        ConfigurationError: the password cannot be read.
    """
    return ConnectPacket(
        client_id,
        username=address.user,
        password=address.secret(),
        clean_start=False,
        will=None if will is None else _will(will),
        keep_alive=keep_alive_s,
        session_expiry_interval=session_expiry_s,
        receive_max=min(MAX_IN_FLIGHT, max_in_flight),
        topic_alias_max=0,
        max_packet_size=MAX_PACKET,
    ).write()


def _will(will: Will) -> WillPacket:
    """Return the codec's will."""
    return WillPacket(will.topic, payload=will.payload, qos=QoS(will.qos), retain=will.retain)


def by_packet(subscriptions: Sequence[Subscription], *, with_ids: bool) -> list[list[Subscription]]:
    """Divide subscriptions into those of one SUBSCRIBE each, in their order: a packet has one id.

    Args:
        subscriptions: all.
        with_ids: whether the broker takes ids; else they are left out.
    """
    if not with_ids:
        subscriptions = [replace(each, id=None) for each in subscriptions]
    return [list(group) for _, group in groupby(subscriptions, key=lambda each: each.id)]


def subscribe_packet(packet_id: int, subscriptions: Sequence[Subscription]) -> bytes:
    """Return one SUBSCRIBE for all; they have the same id, or none.

    `retain` on a received message then says that the broker had kept it, not that its publisher asked for that.
    """
    filters = [
        TopicFilter(
            subscription.pattern,
            max_qos=QoS(subscription.qos),
            retain_as_published=False,
            retain_handling=RetainHandling.SEND_ALWAYS if subscription.retained else RetainHandling.SEND_NEVER,
        )
        for subscription in subscriptions
    ]
    return SubscribePacket(packet_id, filters, subscription_id=subscriptions[0].id).write()


def unsubscribe_packet(packet_id: int, subscriptions: Sequence[Subscription]) -> bytes:
    """Return one UNSUBSCRIBE for all."""
    return UnsubscribePacket(packet_id, [subscription.pattern for subscription in subscriptions]).write()


def check_subscribed(packet: SubAckPacket, subscriptions: Sequence[Subscription]) -> None:
    """Compare the broker's answer with what was asked.

    Raises:
        SubscribeError: a filter was refused, or granted with less than was asked.
    """
    if len(packet.reason_codes) != len(subscriptions):
        raise SubscribeError(f"the broker answered {len(packet.reason_codes)} of {len(subscriptions)} subscriptions")
    refused = [
        f"{subscription.pattern} ({code.name.lower()})"
        for subscription, code in zip(subscriptions, packet.reason_codes, strict=True)
        if code.value >= _REFUSED or code.value < subscription.qos
    ]
    if refused:
        raise SubscribeError(f"subscriptions refused: {', '.join(refused)}")


def reason(name: str, text: str | None) -> str:
    """Return a reason code's name with the broker's own words, if it has any."""
    return f"{name.lower()} ({text})" if text else name.lower()
