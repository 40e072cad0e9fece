"""One connection's life: opened, subscribed, kept alive, closed."""

import asyncio
from collections.abc import Callable, Sequence

from mqtt5 import (
    ConnAckPacket,
    ConnAckReasonCode,
    DisconnectPacket,
    DisconnectReasonCode,
    Packet,
    PingReqPacket,
    PingRespPacket,
    PubAckPacket,
    SubAckPacket,
    UnsubAckPacket,
)

from city.mqtt.address import Address
from city.mqtt.counters import Counters
from city.mqtt.errors import (
    Closed,
    ConnectError,
    Disconnected,
    MqttError,
    NotSent,
    SilenceError,
    StreamError,
    TakenOver,
    WillRefused,
)
from city.mqtt.inbox import Inbox
from city.mqtt.outbox import Outbox
from city.mqtt.packets import (
    Subscription,
    by_packet,
    check_subscribed,
    reason,
    subscribe_packet,
    unsubscribe_packet,
)
from city.mqtt.protocol import Link

# How long the broker may take to accept a connection and answer CONNECT, and how long a goodbye may take.
_OPEN_S = 10.0
_GOODBYE_S = 0.4

_PING = PingReqPacket().write()
_GOODBYE = DisconnectPacket().write()
_GOODBYE_FOR_GOOD = DisconnectPacket(session_expiry_interval=0).write()


class Connection:
    """One connection to the broker; a session has one after the other.

    Args:
        inbox: where received messages go.
        counters: the session's.
        subscriptions: what to subscribe to, said by each connection because the broker may have lost the session.
        withdrawn: what is to be taken back once that is done: rather twice for a moment than never.
        ready: called when the broker has taken the connection and every subscription.
        arrived: called when messages have come.
        clock: dates them, nanoseconds since 1970 UTC.
    """

    def __init__(
        self,
        inbox: Inbox,
        counters: Counters,
        subscriptions: Sequence[Subscription],
        withdrawn: Sequence[Subscription],
        *,
        ready: Callable[[], None],
        arrived: Callable[[], None],
        clock: Callable[[], int],
    ) -> None:
        self._subscriptions = subscriptions
        self._asking: list[list[Subscription]] = []
        self._withdrawn = withdrawn
        self._ready = ready
        self._accepted: asyncio.Future[ConnAckPacket] = asyncio.get_running_loop().create_future()
        self._subscribed = False
        self._outbox: Outbox | None = None
        has_ids = any(each.id is not None for each in subscriptions)
        self.link = Link(inbox, counters, self._handle, arrived, clock, has_ids=has_ids)

    async def live(self, address: Address, connect: bytes, keep_alive_s: float) -> None:
        """Open the connection and keep it until it ends; it never returns.

        Raises:
            MqttError: why it ended.
            OSError: there is no way to the broker, or TLS does not trust it.
            ConfigurationError: a certificate cannot be read.
        """
        try:
            await self._open(address, connect)
            accepted = self._accepted.result()
            # the broker may ask for signs of life more often, but can't make us wait longer for its own
            await self._keep(min(accepted.server_keep_alive or keep_alive_s, keep_alive_s))
        except MqttError as error:
            if isinstance(error, Closed):
                error.was_idle = self._subscribed and self._outbox is not None and self._outbox.oldest is None
            self.link.fail(error)
            raise
        finally:
            if self._outbox is not None:
                self._outbox.lost()

    async def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> bool:
        """Send one message; see `Outbox.publish`."""
        if self._outbox is None:
            raise NotSent("the broker has not answered yet")
        return await self._outbox.publish(topic, payload, qos=qos, retain=retain)

    async def close(self, *, for_good: bool) -> None:
        """Close the socket; if all is well say goodbye first, so that the broker does not publish our will.

        Args:
            for_good: the broker shall forget the session too.
        """
        await self.link.close(_GOODBYE_FOR_GOOD if for_good else _GOODBYE, _GOODBYE_S)

    async def _open(self, address: Address, connect: bytes) -> None:
        """Reach the broker and have it accept us."""
        context = address.ssl_context()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_OPEN_S):
                await loop.create_connection(lambda: self.link, address.host, address.port, ssl=context)
                self.link.write(connect)
                await asyncio.wait((self._accepted, self.link.closed), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError as error:
            raise SilenceError(f"the broker has not accepted us within {_OPEN_S:g} s") from error
        if not self._accepted.done():
            raise self.link.closed.result()

    async def _keep(self, keep_alive_s: float) -> None:
        """Ask for a sign of life twice each keep-alive; give up after one without any, or two without an answer."""
        loop = asyncio.get_running_loop()
        asked_s = oldest_s = loop.time()
        oldest = None
        while True:
            await asyncio.wait((self.link.closed,), timeout=keep_alive_s / 2)
            if self.link.closed.done():
                raise self.link.closed.result()
            self.link.write(_PING)
            if self.link.paused:
                # The answers wait unread behind the messages that we do not want yet.
                asked_s = oldest_s = loop.time()
                continue
            # A little less than the whole, since two half waits may end a moment early.
            patience_s = 0.95 * keep_alive_s
            if loop.time() - self.link.last_read_s > patience_s:
                raise SilenceError(f"the broker has been silent for {keep_alive_s:g} s")
            if not self._subscribed and loop.time() - asked_s > patience_s:
                raise SilenceError(f"the broker has not answered SUBSCRIBE for {keep_alive_s:g} s")
            # Answers come in the order of the questions (MQTT 5, 4.6.0-2), so one that stays the oldest never comes.
            if self._outbox is None or self._outbox.oldest is not oldest:
                oldest, oldest_s = self._outbox and self._outbox.oldest, loop.time()
            elif oldest is not None and loop.time() - oldest_s > 2 * patience_s:
                raise SilenceError(f"the broker has not answered PUBLISH for {2 * keep_alive_s:g} s")

    def _handle(self, packet: Packet) -> None:
        """Take in a packet that is no publish.

        Raises:
            MqttError: the connection must end.
        """
        match packet:
            case PubAckPacket() if self._outbox is not None:
                self._outbox.answer(packet)
            case PingRespPacket():
                pass
            case ConnAckPacket() if self._outbox is None:
                self._begin(packet)
            case SubAckPacket() if self._outbox is not None and not self._subscribed:
                check_subscribed(packet, self._asking.pop(0) if self._asking else ())
                self._ask(self._outbox)
            case UnsubAckPacket() if self._outbox is not None and not self._subscribed:
                self._finish()
            case DisconnectPacket():
                is_pushed_out = packet.reason_code == DisconnectReasonCode.SESSION_TAKEN_OVER
                why = f"the broker ended the connection: {reason(packet.reason_code.name, packet.reason_str)}"
                raise TakenOver(why) if is_pushed_out else Disconnected(why)
            case _:
                raise StreamError(f"an unexpected {type(packet).__name__}")

    def _begin(self, packet: ConnAckPacket) -> None:
        """Ask for what we want, now that the broker has accepted us."""
        if packet.reason_code != ConnAckReasonCode.SUCCESS:
            why = f"the broker refused us: {reason(packet.reason_code.name, packet.reason_str)}"
            retains_nothing = packet.reason_code == ConnAckReasonCode.RETAIN_NOT_SUPPORTED
            raise WillRefused(why) if retains_nothing else ConnectError(why)
        self._outbox = Outbox(self.link, packet)
        self._accepted.set_result(packet)
        self._asking = by_packet(self._subscriptions, with_ids=packet.subscription_id_available)
        self._ask(self._outbox)

    def _ask(self, outbox: Outbox) -> None:
        """Subscribe to what is left, one packet after the other; when all is taken, take back what is withdrawn."""
        if self._asking:
            self.link.write(subscribe_packet(outbox.free_id(), self._asking[0]))
        elif self._withdrawn:
            self.link.write(unsubscribe_packet(outbox.free_id(), self._withdrawn))
        else:
            self._finish()

    def _finish(self) -> None:
        """Note that the broker has taken everything we asked for."""
        self._subscribed = True
        self._ready()
