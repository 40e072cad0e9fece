"""One connection's bytes: read into packets as fast as the inbox allows, and written together."""

import asyncio
from collections.abc import Callable
from typing import cast

from mqtt5 import ConnAckPacket, Packet, PublishPacket

from city.arrival_clock import arrival_ns
from city.mqtt.codec import packet_size, read_packet
from city.mqtt.counters import Counters
from city.mqtt.errors import Closed, Disconnected, MqttError, NotSent, StreamError
from city.mqtt.inbox import Inbox, Message

# One read takes up to this many bytes, so that thousands of small messages share its cost.
_READ = 256 * 1024
# Room to read into below which what is left of the last packets moves to the front.
_MIN_ROOM = 64 * 1024

_TYPE = 0xF0
_PUBLISH = 0x30
_DUPLICATE = 0x08
_RETAIN = 0x01


class Link(asyncio.BufferedProtocol):
    """One connection. Publishes go to the inbox, all else to `handle`.

    When the inbox is full and the next packet is a publish, reading stops, and with it the broker, by TCP. Other
    packets in front of that publish still pass, so a broker that honours the receive maximum is never stopped by the
    number of messages.

    Args:
        inbox: where received messages wait.
        counters: where bytes, messages and pauses are counted.
        handle: called with each other packet; an MqttError from it ends the connection.
        arrived: called when messages have been added to the inbox.
        clock: dates each message, nanoseconds since 1970 UTC.
        has_ids: whether subscriptions have ids, which messages are to be told by.
    """

    def __init__(
        self,
        inbox: Inbox,
        counters: Counters,
        handle: Callable[[Packet], None],
        arrived: Callable[[], None],
        clock: Callable[[], int] = arrival_ns,
        *,
        has_ids: bool = False,
    ) -> None:
        self._inbox = inbox
        self._counters = counters
        self._handle = handle
        self._arrived = arrived
        self._clock = clock
        self._has_ids = has_ids
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._error: MqttError | None = None
        self._view = memoryview(bytearray(_READ))
        self._start = self._end = self._needed = 0
        self._accepting = False
        self._outgoing: list[bytes] = []
        self._writable = asyncio.Event()
        self._writable.set()
        self.paused = False
        self.last_read_s = self._loop.time()
        self.closed: asyncio.Future[MqttError] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everyone who waits why it ended."""
        ended = Disconnected(f"the connection broke: {exc}") if exc else Closed("the broker closed the connection")
        reason = self._error or ended
        self._transport = None
        if self._accepting:
            self._inbox.lost()
        if not self.closed.done():
            self.closed.set_result(reason)
        self._writable.set()

    def fail(self, error: MqttError) -> None:
        """End the connection at once, for this reason."""
        self._error = self._error or error
        if self._transport is not None:
            self._transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Offer room for the rest of the packet that is incomplete, and for as much more as fits."""
        held = self._end - self._start
        room = max(self._needed - held, _MIN_ROOM)
        if held == 0 and len(self._view) > _READ:
            self._view = memoryview(bytearray(_READ))
            self._start = self._end = 0
        elif len(self._view) - self._end < room:
            target = self._view if held + room <= len(self._view) else memoryview(bytearray(held + room))
            target[:held] = self._view[self._start : self._end]
            self._view, self._start, self._end = target, 0, held
        return self._view[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        """Read what the socket brought."""
        self._end += nbytes
        self._counters.bytes_in += nbytes
        self.last_read_s = self._loop.time()
        self._advance()

    def resume(self) -> None:
        """Go on reading if the inbox has room again."""
        if self.paused and not self._inbox.full:
            self._advance()

    def _advance(self) -> None:
        """Parse what is there, and let the socket be read accordingly."""
        before = self._inbox.messages
        try:
            blocked = self._parse()
        except MqttError as error:
            self.fail(error)
            return
        finally:
            if self._inbox.messages > before:
                self._arrived()
        transport = self._transport
        if transport is None or transport.is_closing() or blocked == self.paused:
            return
        self.paused = blocked
        if blocked:
            self._counters.paused += 1
            transport.pause_reading()
        else:
            # While reading was paused nothing could arrive: the broker's silence counts from now.
            self.last_read_s = self._loop.time()
            transport.resume_reading()

    def _parse(self) -> bool:
        """Take whole packets off the buffer's front. Return whether the full inbox stopped it."""
        if self._end - self._start < self._needed or self._error is not None:
            return False
        self._needed = 0
        inbox, view, end = self._inbox, self._view, self._end
        while self._start < end:
            start = self._start
            first = view[start]
            if first & _TYPE == _PUBLISH and inbox.full:
                return True
            found = read_packet(view[start:end])
            if found is None:
                self._needed = packet_size(view[start:end]) or 0
                return False
            packet, size = found
            self._start = start + size
            if isinstance(packet, PublishPacket):
                self._accept(packet, first)
            else:
                self._accepting = self._accepting or isinstance(packet, ConnAckPacket)
                self._handle(packet)
        self._start = self._end = 0
        return False

    def _accept(self, packet: PublishPacket, first: int) -> None:
        """Put one message into the inbox; `first` is the packet's first byte, which holds the flags."""
        qos = first >> 1 & 3
        topic = packet.topic
        if not self._accepting or qos > 1 or not topic:
            raise StreamError("a publish that we had not asked for: too early, at QoS 2 or by a topic alias")
        self._inbox.accept(
            Message(
                topic,
                packet.payload,
                self._clock(),
                bool(first & _RETAIN),
                qos,
                bool(first & _DUPLICATE),
                self._inbox.epoch,
                packet.packet_id or 0,
                packet.subscription_ids if self._has_ids else (),
            )
        )
        self._counters.received += 1

    def write(self, data: bytes) -> None:
        """Send bytes with all others of this turn of the loop, in one write."""
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(data)

    def _flush(self) -> None:
        """Hand what has gathered to the socket."""
        outgoing, self._outgoing = self._outgoing, []
        if self._transport is not None and outgoing:
            self._transport.write(b"".join(outgoing))

    async def writable(self) -> None:
        """Wait until the socket takes more.

        Raises:
            NotSent: the connection has ended.
        """
        await self._writable.wait()
        if self.closed.done() or self._error is not None:
            raise NotSent("the connection ended before the message was sent")

    def pause_writing(self) -> None:
        """The socket's buffer is full."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """The socket's buffer has room."""
        self._writable.set()

    async def close(self, goodbye: bytes, within_s: float) -> None:
        """Say goodbye and close, by force if something went wrong or if it takes longer than `within_s`."""
        if self._transport is not None and self._error is None:
            self.write(goodbye)
            self._flush()
            self._transport.close()
            await asyncio.wait((self.closed,), timeout=within_s)
        if self._transport is not None:
            self._transport.abort()
            await asyncio.wait((self.closed,), timeout=within_s)
