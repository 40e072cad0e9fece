"""A UDP server for trackers: it acknowledges a datagram when the disk has it.

Nothing can be held back here. What the spool doesn't take is not acknowledged, and the tracker sends it again.
"""

import asyncio
from collections import Counter, deque
from typing import Final, NamedTuple

from pydantic import field_validator

from city.errors import Reason, SpoolFull, Unavailable
from city.reading import Reading
from city.wire.pack import Undecoded
from gateway.decoders import TRACKER_PROTOCOLS, Origin
from gateway.decoders.tracker import Bad, Event, Records
from gateway.inputs.input import InputContext, listening
from gateway.inputs.tcp import TrackerTable
from gateway.inputs.token_bucket import TokenBuckets

_MAX_WAITING: Final = 1_000
"""Datagrams that wait for the spool; with the size of one it bounds the memory."""

_MAX_OF_ADDRESS: Final = _MAX_WAITING // 4
"""Of them by one address, so that it keeps out no other."""

_AT_ONCE: Final = 200


class _Arrived(NamedTuple):
    data: bytes
    sender: tuple[str, int]
    received_ns: int


class UdpTable(TrackerTable):
    """One `[[input.udp]]`.

    Attributes:
        name: Name of the input; empty: the protocol's, and `-udp`.
    """

    transport = "udp"

    @field_validator("protocol")
    @classmethod
    def _has_datagrams(cls, value: str) -> str:
        if TRACKER_PROTOCOLS[value].datagram is None:
            raise ValueError(f"{value} has no UDP form")
        return value


class UdpInput(asyncio.DatagramProtocol):
    """The server.

    Args:
        table: Its settings; port 0 lets the system choose.
        context: What every input is given.

    Attributes:
        port: UDP port that it listens on.
    """

    def __init__(self, table: UdpTable, context: InputContext) -> None:
        protocol = TRACKER_PROTOCOLS[table.protocol]
        if protocol.datagram is None:
            raise ValueError(f"{protocol.decoder} has no UDP form")
        self._decoder = protocol.decoder
        self._datagram = protocol.datagram
        self._context = context
        self._counters = context.counters
        self._host = table.host
        self.port = table.port
        self._frame_bytes = table.frame_bytes
        self._senders = TokenBuckets(table.frames_a_second)
        self._waiting: deque[_Arrived] = deque()
        self._of_address: Counter[str] = Counter()
        self._any = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None
        self._closed = asyncio.Event()

    async def open(self) -> None:
        """Listen; nothing is answered before `run`.

        Raises:
            ConfigurationError: The port is taken, or the address isn't ours.
        """
        loop = asyncio.get_running_loop()
        with listening(f"UDP {self._host}:{self.port}"):
            self._transport, _ = await loop.create_datagram_endpoint(lambda: self, (self._host, self.port))
        self.port = self._transport.get_extra_info("sockname")[1]

    async def close(self) -> None:
        """Listen no more."""
        if self._transport is not None:
            self._transport.close()
            await self._closed.wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Know that the socket is closed."""
        del exc
        self._closed.set()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Keep a datagram for `run`, unless it is too large or too much."""
        if len(data) > self._frame_bytes:
            self._counters.fail(str(Reason.TOO_LARGE), limit=self._frame_bytes)
        elif not self._senders.try_take(addr[0], asyncio.get_running_loop().time()):
            self._counters.fail("too_often")
        elif len(self._waiting) >= _MAX_WAITING:
            self._counters.fail("overrun", limit=_MAX_WAITING)
        elif self._of_address[addr[0]] >= _MAX_OF_ADDRESS:
            self._counters.fail("overrun", limit=_MAX_OF_ADDRESS, address=addr[0])
        else:
            self._of_address[addr[0]] += 1
            self._waiting.append(_Arrived(data, addr, self._context.clock()))
            self._any.set()

    def error_received(self, exc: Exception) -> None:
        """Count what the network says about an answer that did not arrive."""
        self._counters.fail("unreachable", detail=str(exc))

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._any.wait()
            taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), _AT_ONCE))]
            self._of_address -= Counter(arrived.sender[0] for arrived in taken)
            if not self._waiting:
                self._any.clear()
            await self._take(taken)

    async def _take(self, taken: list[_Arrived]) -> None:
        readings: list[Reading] = []
        undecoded: list[Undecoded] = []
        answers: list[tuple[bytes, tuple[str, int]]] = []
        for arrived in taken:
            for event in self._events(arrived.data):
                some, rest = self._meaning(event, arrived.received_ns)
                readings += some
                undecoded += rest
                if event.answer:
                    answers.append((event.answer, arrived.sender))
        try:
            await self._context.deliver(readings, undecoded, messages=len(taken))
        except (SpoolFull, Unavailable):
            return
        for answer, sender in answers:
            if self._transport is not None:
                self._transport.sendto(answer, sender)

    def _events(self, data: bytes) -> list[Event]:
        try:
            return self._datagram(data)
        except Exception as error:  # noqa: BLE001  a bug in one protocol must not end the input
            return [Bad(Reason.UNDECODED, f"the session failed: {type(error).__name__}: {error}", data)]

    def _meaning(self, event: Event, received_ns: int) -> tuple[list[Reading], list[Undecoded]]:
        match event:
            case Records(payload, parameters, _):
                return self._context.decode(Origin("udp", self._decoder, parameters), payload, received_ns)
            case Bad(reason, detail, payload, _, parameters):
                source = str(Origin("udp", self._decoder, parameters))
                return [], [Undecoded(source, payload, received_ns, str(reason), detail)]
        return [], []
