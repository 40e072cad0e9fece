"""A session with a broker that outlives its connections."""

import asyncio
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Self

import structlog

from city.arrival_clock import arrival_ns
from city.backoff import Backoff
from city.errors import ConfigurationError, KoratError
from city.mqtt.address import Address
from city.mqtt.connection import Connection
from city.mqtt.counters import Counters
from city.mqtt.errors import Closed, Disconnected, NotSent, TakenOver, WillRefused
from city.mqtt.inbox import Inbox, Message
from city.mqtt.packets import Subscription, Will, check_qos, connect_packet

# A connection that lived this long, or brought anything, was good: the next failure starts with a short delay again.
_GOOD_S = 5.0
# So often another process of our name may push us out before we wait longer, and so long do we wait then.
_RIVAL_TIMES = 3
_RIVAL_S = 10.0
# PUBACK with success is four bytes: this and the packet id (MQTT 5, 3.4.2).
_PUBACK = 0x40020000

_log = structlog.get_logger(__name__)


class Session:
    """An MQTT 5 session: subscribes, receives, acknowledges when asked to, publishes; reconnects for ever.

    Every message that `receive` returns must be acknowledged sometime, also after a reconnect: only that frees its
    share of `max_messages` and `max_bytes`. When these are used up the session stops reading, and the answers to its
    own publishes wait unread with all the rest. So an acknowledgement that waits for a `publish` on the same session
    can wait for ever, unless the broker honours the receive maximum and `max_bytes` is ample; publish on another.

    Args:
        address: the broker.
        client_id: the session's name at the broker; a second session of that name pushes the first one out.
        subscriptions: what to receive.
        will: what the broker publishes when we vanish.
        session_expiry_s: for how many seconds without a connection the broker keeps the session and its messages.
        withdrawn: subscriptions of former times to take back; what the broker holds for the session still comes.
        keep_alive_s: seconds of silence after which a connection is given up; the broker may set its own.
        max_messages: how many received messages may be unacknowledged; `max_bytes`: how many bytes of them.
        name: how tasks and logs call this session.
        clock: dates what is received, nanoseconds since 1970 UTC.

    Attributes:
        connection: number of the latest connection that the broker has taken, from 1; 0 before the first.

    Raises:
        ValueError: a number is out of MQTT's range.
    """

    def __init__(
        self,
        address: Address,
        *,
        client_id: str,
        subscriptions: Sequence[Subscription] = (),
        will: Will | None = None,
        session_expiry_s: int = 7 * 86400,
        withdrawn: Sequence[Subscription] = (),
        keep_alive_s: int = 30,
        max_messages: int = 20_000,
        max_bytes: int = 64 * 2**20,
        name: str = "mqtt",
        clock: Callable[[], int] = arrival_ns,
    ) -> None:
        if min(keep_alive_s, max_messages, max_bytes) < 1:
            raise ValueError("keep_alive_s, max_messages and max_bytes are at least 1")
        self.counters = Counters()
        self.connection = 0
        self.last_error: str | None = None
        self._address = address
        self._subscriptions = tuple(subscriptions)
        self._will = will
        self._client_id = client_id
        self._packet = partial(
            connect_packet, address, client_id, session_expiry_s=session_expiry_s, max_in_flight=max_messages
        )
        self._outlives_us = True
        self._withdrawn = tuple(withdrawn)
        self._keep_alive_s = keep_alive_s
        self._name = name
        self._clock = clock
        self._inbox = Inbox(max_messages, max_bytes)
        self._arrived = asyncio.Event()
        self._online = asyncio.Event()
        self._connection: Connection | None = None
        self._next_connection = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to connect; do not wait for it.

        Raises:
            ConfigurationError: the password or a certificate cannot be read.
        """
        self._address.ssl_context()
        self._connect_packet()
        self._online.clear()
        self._task = asyncio.create_task(self._run(), name=f"{self._name} connection")
        self._task.add_done_callback(self._ended)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Say goodbye to the broker, which keeps the session if it shall outlive us, and stop."""
        if self._task is None:
            return
        task, self._task = self._task, None
        task.cancel()
        await asyncio.wait((task,))

    def forget(self) -> None:
        """Have the broker forget the session when it is closed."""
        self._outlives_us = False

    @property
    def is_connected(self) -> bool:
        """Whether the broker has taken the connection and every subscription."""
        return self._online.is_set() and self._task is not None and not self._task.done()

    @property
    def waiting(self) -> int:
        """How many received messages `receive` would hand out at once."""
        return self._inbox.waiting

    @property
    def held(self) -> int:
        """How many received messages count against `max_messages`: waiting, or handed out and not acknowledged."""
        return self._inbox.messages

    async def connected(self) -> None:
        """Wait until connected and subscribed; `last_error` says why it takes long.

        Raises:
            Disconnected: the session is not open.
        """
        self._check_open()
        await self._online.wait()
        self._check_open()

    async def next_connection(self, after: int) -> int:
        """Wait until the broker has taken a connection later than number `after`; return the latest one's number.

        Raises:
            Disconnected: the session is not open.
        """
        self._check_open()
        while self.connection <= after:
            await self._next_connection.wait()
            self._check_open()
        return self.connection

    async def receive(self, max_messages: int = 5000) -> list[Message]:
        """Wait for at least one message, and return up to `most`, oldest first. There is one consumer.

        Raises:
            Disconnected: the session is not open.
        """
        self._check_open()
        while not self._inbox.waiting:
            self._arrived.clear()
            await self._arrived.wait()
            self._check_open()
        return self._inbox.take(max_messages)

    def acknowledge(self, messages: Iterable[Message]) -> None:
        """Let the broker forget these messages.

        They may come in any order and twice; the PUBACKs leave in the order of receipt, all in one write. For messages
        of an earlier connection nothing is sent: the broker delivers them again.
        """
        packet_ids = self._inbox.acknowledge(messages)
        connection = self._connection
        if connection is None:
            return
        if packet_ids:
            connection.link.write(struct.pack(f">{len(packet_ids)}I", *[_PUBACK | number for number in packet_ids]))
            self.counters.acknowledged += len(packet_ids)
        connection.link.resume()

    def restamp(self, by_ns: int, *, unless: range) -> None:
        """Move the receive time of what waits: our clock was wrong when it came."""
        self._inbox.restamp(by_ns, unless=unless)

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> bool:
        """Publish one message; at QoS 1 return once the broker has taken it.

        Waits for the broker's receive maximum and for room in the socket's buffer.

        Returns:
            False if the broker said that nobody subscribes to the topic, True if it said nothing of the kind.

        Raises:
            NotSent: there is no connection, or it ended before the message's turn.
            Disconnected: it ended before the answer, and the outcome is unknown.
            PublishRefused: the broker refused it, or it is larger than the broker takes and was not sent.
            ValueError: `qos` is neither 0 nor 1.
        """
        check_qos(qos)
        if self._connection is None or not self.is_connected:
            raise NotSent(self.last_error or "not connected yet")
        matched = await self._connection.publish(topic, payload, qos=qos, retain=retain)
        self.counters.published += 1
        return matched

    async def _run(self) -> None:
        """Connect, and connect again, for ever."""
        backoff = Backoff()
        loop = asyncio.get_running_loop()
        pushed_out = 0
        while True:
            began_s, before = loop.time(), self.counters.moved
            try:
                await self._live()
            except (KoratError, OSError) as error:
                self._note(error)
                # two sessions of one name push each other out: they shall do it slowly, whatever each gets done
                has_moved = self.counters.moved > before and not isinstance(error, TakenOver)
                if has_moved or loop.time() - began_s > _GOOD_S:
                    backoff.reset()
                pushed_out = pushed_out + 1 if _is_pushed_out(error) else 0
                if pushed_out == _RIVAL_TIMES:
                    _log.warning(
                        "the broker ends each connection: another process may connect under this client id",
                        session=self._name,
                        broker=str(self._address),
                        client_id=self._client_id,
                    )
            await asyncio.sleep(backoff.next() + (_RIVAL_S if pushed_out >= _RIVAL_TIMES else 0.0))

    async def _live(self) -> None:
        """Live through one connection."""
        asked = self._subscriptions, self._withdrawn
        connection = Connection(
            self._inbox, self.counters, *asked, ready=self._ready, arrived=self._arrived.set, clock=self._clock
        )
        self._connection = connection
        try:
            await connection.live(self._address, self._connect_packet(), self._keep_alive_s)
        finally:
            self._online.clear()
            # Wait for the socket's end: only then do acknowledgements of what it brought go nowhere.
            await connection.close(for_good=self._task is None and not self._outlives_us)
            self._connection = None

    def _connect_packet(self) -> bytes:
        """Return this session's CONNECT, with the password as it is now."""
        try:
            return self._packet(will=self._will, keep_alive_s=self._keep_alive_s)
        except (ValueError, OverflowError) as error:
            raise ConfigurationError(f"the session {self._name} cannot be asked for: {error}") from error

    def _ready(self) -> None:
        """Note that the broker has taken the connection and the subscriptions."""
        self.counters.reconnects += self.connection > 0
        self.connection += 1
        self.last_error = None
        self._online.set()
        self._announce()
        _log.info("mqtt connected", session=self._name, broker=str(self._address))

    def _note(self, error: Exception) -> None:
        """Keep an error, and log it unless it only repeats the one before; ask for less next time if that was it."""
        text = str(error) or type(error).__name__
        if text != self.last_error:
            _log.warning("mqtt disconnected", session=self._name, broker=str(self._address), reason=text)
        self.last_error = text
        if isinstance(error, WillRefused) and self._will is not None:
            self._will = replace(self._will, retain=False)

    def _check_open(self) -> None:
        """Raise Disconnected unless the connection task runs."""
        if self._task is None or self._task.done():
            raise Disconnected(f"the session {self._name} is not open")

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Wake everyone who waits: nothing will come any more."""
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("mqtt session broke", session=self._name, exc_info=error)
        self._online.set()
        self._arrived.set()
        self._announce()

    def _announce(self) -> None:
        """Wake what waits for the next connection, and have the others wait for the one after."""
        self._next_connection.set()
        self._next_connection = asyncio.Event()


def _is_pushed_out(error: Exception) -> bool:
    """Say whether it looks as if another session of our name had come."""
    return isinstance(error, TakenOver) or (isinstance(error, Closed) and error.was_idle)
