"""A TCP server for trackers: it speaks any protocol of which there is a session, and acknowledges what the disk has.

Each connection is read only while nothing of it waits for the spool, so a full spool reaches the tracker as TCP's own
back-pressure. What was not acknowledged is the tracker's still, and comes again with its next connection.
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import Final

from city.errors import KoratError, Reason
from city.reading import Reading
from city.wire.pack import Undecoded
from gateway.decoders import Origin
from gateway.inputs import Accept, Understand
from gateway.inputs.counters import InputCounters
from gateway.inputs.custody import NotTakenError, hand_over
from gateway.inputs.sessions import Bad, Event, Login, Records, Reply, Session, TrackerProtocol
from gateway.inputs.token_bucket import TokenBucket

_CHUNK: Final = 4096
_ANSWER_S: Final = 10.0
"""Seconds in which a tracker must take an answer."""

_PATIENCE_S: Final = 60.0
"""Seconds for which a tracker is kept waiting for the spool; most have given up and come again by then."""

_PENDING: Final = 256
"""Connections that the system keeps for us while we are busy."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a tracker may cost.

    Attributes:
        connections: At once; more are closed unheard.
        frame_bytes: Most bytes of one frame.
        frames_a_second: Of one connection in the long run; who is faster is read more slowly.
        login_s: Seconds in which a tracker must say who it is.
        idle_s: Seconds of silence after which a connection is closed.
    """

    connections: int = 2_000
    frame_bytes: int = 16 * 1024
    frames_a_second: float = 20.0
    login_s: float = 30.0
    idle_s: float = 900.0


class TcpInput:
    """The server.

    Args:
        accept: Takes custody.
        understand: Decodes.
        speech: The protocol.
        counters: Of this link.
        host: Address to listen on.
        port: TCP port; 0 lets the system choose.
        limits: What a tracker may cost.

    Attributes:
        port: TCP port that it listens on.
    """

    def __init__(
        self,
        accept: Accept,
        understand: Understand,
        speech: TrackerProtocol,
        counters: InputCounters,
        *,
        host: str,
        port: int,
        limits: Limits,
    ) -> None:
        self._accept = accept
        self._understand = understand
        self._speech = speech
        self._counters = counters
        self._host = host
        self.port = port
        self._limits = limits
        self._talks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen.

        Raises:
            OSError: The port is taken, or the address isn't ours.
        """
        self._server = await asyncio.start_server(
            self._welcome, self._host, self.port, limit=_CHUNK, backlog=_PENDING, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Listen no more and end all conversations; what they have not acknowledged comes again."""
        if self._server is None:
            return
        self._server.close()
        for talk in self._talks:
            talk.cancel()
        if self._talks:
            await asyncio.wait(self._talks)

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._talks) >= self._limits.connections:
            self._counters.fail("too_many_connections", most=self._limits.connections)
            writer.transport.abort()
            return
        talk = asyncio.get_running_loop().create_task(self._serve(reader, writer), name="tracker")
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hold one conversation; only its end by cancellation leaves this."""
        talk = Connection(self._speech.session(), reader, writer)
        try:
            await self._converse(talk)
        except TimeoutError:
            self._counters.fail("silent" if talk.name else "no_login")
        except OSError as error:
            self._counters.fail("connection_lost", detail=str(error))
        except (NotTakenError, KoratError) as error:
            self._counters.fail("not_taken", detail=str(error))
        finally:
            # an answer that still waits is sent, unless nobody takes it
            with contextlib.suppress(RuntimeError):
                writer.close()

    async def _converse(self, talk: "Connection") -> None:
        loop = asyncio.get_running_loop()
        pace = TokenBucket(self._limits.frames_a_second, loop.time())
        login_due_s = loop.time() + self._limits.login_s
        while True:
            due_s = loop.time() + self._limits.idle_s if talk.name else login_due_s
            async with asyncio.timeout_at(due_s):
                data = await talk.reader.read(_CHUNK)
            if not data:
                if talk.session.held:
                    self._counters.fail("cut_short")
                return
            for event in self._events(talk.session, data):
                await self._react(talk, event)
                if isinstance(event, Bad):
                    return
                if isinstance(event, Records):
                    await asyncio.sleep(pace.take(loop.time()))

    def _events(self, session: Session, data: bytes) -> list[Event]:
        try:
            events = session.feed(data)
        except Exception as error:  # noqa: BLE001  a bug in one protocol must not cost another tracker its connection
            return [Bad(Reason.UNDECODED, f"the session failed: {type(error).__name__}: {error}", data)]
        if session.held > self._limits.frame_bytes:
            sentence = f"{session.held} bytes without a whole frame; at most {self._limits.frame_bytes} are allowed"
            events = [*events, Bad(Reason.TOO_LARGE, sentence, data)]
        return events

    async def _react(self, talk: "Connection", event: Event) -> None:
        match event:
            case Login(name, _):
                talk.name = name
            case Records(payload, parameters, _):
                origin = Origin("tcp", self._speech.decoder, parameters)
                await self._keep(talk, *self._understand(origin, payload, time.time_ns()))
            case Bad(reason, detail, payload, _, parameters):
                origin = Origin("tcp", self._speech.decoder, parameters)
                await self._keep(talk, [], [Undecoded(str(origin), payload, time.time_ns(), str(reason), detail)])
            case Reply(_):
                pass
        if event.answer:
            talk.writer.write(event.answer)
            async with asyncio.timeout(_ANSWER_S):
                await talk.writer.drain()

    async def _keep(self, talk: "Connection", readings: list[Reading], undecoded: list[Undecoded]) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time() + _PATIENCE_S
        await hand_over(
            self._accept,
            readings,
            undecoded,
            self._counters,
            give_up=lambda: talk.gone() or loop.time() > due_s,
        )


class Connection:
    """One connection."""

    __slots__ = ("name", "reader", "session", "writer")

    def __init__(self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.session = session
        self.reader = reader
        self.writer = writer
        self.name = ""

    def gone(self) -> bool:
        """Whether the tracker has closed or lost the connection."""
        return self.reader.at_eof() or self.writer.is_closing()
