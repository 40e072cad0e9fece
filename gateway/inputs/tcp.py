"""A TCP server for trackers: it speaks any protocol of which there is a session, and acknowledges what the disk has.

Each connection is read only while nothing of it waits for the spool, so a full spool reaches the tracker as TCP's own
back-pressure. What was not acknowledged is the tracker's still, and comes again with its next connection.
"""

import asyncio
import contextlib
from typing import Annotated, ClassVar, Final, cast

from pydantic import AfterValidator, Field, model_validator

from city.connections import Connection, ConnectionLimits, Connections, Phase
from city.errors import KoratError, Reason
from city.reading import Reading
from city.tables import Port, Seconds
from city.wire.pack import Undecoded
from gateway.decoders import TRACKER_PROTOCOLS, Origin
from gateway.decoders.tracker import Bad, Event, Login, Records, Reply, Session
from gateway.inputs.input import InputContext, InputTable, NotTakenError, listening
from gateway.inputs.token_bucket import TokenBucket

_CHUNK: Final = 4096
_ANSWER_S: Final = 10.0
"""Seconds in which a tracker must take an answer."""

_PATIENCE_S: Final = 60.0
"""Seconds for which a tracker is kept waiting for the spool; most have given up and come again by then."""

_PENDING: Final = 1024
"""Connections that the system keeps for us while we are busy."""


def _spoken(protocol: str) -> str:
    if protocol not in TRACKER_PROTOCOLS:
        raise ValueError(f"there is no protocol {protocol!r}, only {', '.join(TRACKER_PROTOCOLS)}")
    return protocol


class TrackerTable(InputTable):
    """What a tracker may cost, and where it is listened for.

    Attributes:
        protocol: What the trackers speak.
        host: Address to listen on.
        port: Port; 0: off.
        frame_bytes: Most bytes of one frame.
        frames_a_second: Of one TCP connection, or of one address over UDP, in the long run.
    """

    transport: ClassVar[str]

    protocol: Annotated[str, AfterValidator(_spoken)]
    host: str = "127.0.0.1"
    port: Port = 5027
    frame_bytes: int = Field(16 * 1024, ge=256, le=2**20)
    frames_a_second: float = Field(20.0, gt=0, le=10_000)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: object) -> object:
        if isinstance(given, dict) and not given.get("name"):
            return given | {"name": f"{given.get('protocol', 'tracker')}-{cls.transport}"}
        return given

    def is_on(self) -> bool:
        """Whether it has a port."""
        return self.port > 0


class TcpTable(TrackerTable):
    """One `[[input.tcp]]`.

    Attributes:
        name: Name of the input; empty: the protocol's, and `-tcp`.
        connections: At once, half of them of one address; those from which nothing came for longest make room.
        login_s: Seconds in which a tracker must say who it is, and in which a frame that began must be whole.
        idle_s: Seconds of silence after which a connection is closed.
    """

    transport = "tcp"

    connections: int = Field(2_000, ge=1, le=50_000)
    login_s: Seconds = 30.0
    idle_s: Seconds = 900.0


class TcpInput:
    """The server; a connection that sends faster than it may is read more slowly.

    Args:
        table: Its settings; port 0 lets the system choose.
        context: What every input is given.

    Attributes:
        port: TCP port that it listens on.
    """

    def __init__(self, table: TcpTable, context: InputContext) -> None:
        self._limits = table
        self._protocol = TRACKER_PROTOCOLS[table.protocol]
        self._context = context
        self._counters = context.counters
        self.port = table.port
        limits = ConnectionLimits(
            table.connections, table.login_s, table.idle_s, _ANSWER_S, slow="slow_frame", idle="silent"
        )
        self._connections = Connections(limits, self._counters.fail)
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen.

        Raises:
            ConfigurationError: The port is taken, or the address isn't ours.
        """
        host = self._limits.host
        with listening(f"TCP {host}:{self.port}"):
            self._server = await asyncio.start_server(
                self._welcome, host, self.port, limit=_CHUNK, backlog=_PENDING, reuse_address=True
            )
        self.port = self._server.sockets[0].getsockname()[1]

    async def run(self) -> None:
        """Serve until cancelled, and end connections that do nothing."""
        await self._connections.run()

    async def close(self) -> None:
        """Listen no more and end all connections; what they have not acknowledged comes again."""
        if self._server is None:
            return
        self._server.close()
        for task in self._serving:
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving)

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = self._connections.add(cast("asyncio.Transport", writer.transport))
        if connection is None:
            return
        tracker = Tracker(self._protocol.session(), reader, writer, connection)
        task = asyncio.get_running_loop().create_task(self._serve(tracker), name="tracker")
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, tracker: "Tracker") -> None:
        """Serve one connection; only its end by cancellation leaves this."""
        try:
            await self._read(tracker)
        except OSError as error:
            if tracker.connection in self._connections:
                self._counters.fail("connection_lost", detail=str(error))
        except (NotTakenError, KoratError) as error:
            self._counters.fail("not_taken", detail=str(error))
        finally:
            self._connections.remove(tracker.connection)
            # an answer that still waits is sent, unless nobody takes it
            with contextlib.suppress(RuntimeError):
                tracker.writer.close()

    async def _read(self, tracker: "Tracker") -> None:
        loop = asyncio.get_running_loop()
        pace = TokenBucket(self._limits.frames_a_second, loop.time())
        while data := await tracker.reader.read(_CHUNK):
            for event in self._events(tracker.session, data):
                if tracker.name:
                    self._connections.turn(tracker.connection, Phase.REQUEST)
                await self._react(tracker, event)
                if isinstance(event, Bad):
                    return
                if isinstance(event, Records) and (ahead_s := pace.take(loop.time())):
                    self._connections.turn(tracker.connection, Phase.IDLE)
                    await asyncio.sleep(ahead_s)
            awaited = Phase.HEAD if tracker.session.held or not tracker.name else Phase.IDLE
            self._connections.turn(tracker.connection, awaited)
        if tracker.session.held and tracker.connection in self._connections:
            self._counters.fail("cut_short")

    def _events(self, session: Session, data: bytes) -> list[Event]:
        try:
            events = session.feed(data)
        except Exception as error:  # noqa: BLE001  a bug in one protocol must not cost another tracker its connection
            return [Bad(Reason.UNDECODED, f"the session failed: {type(error).__name__}: {error}", data)]
        if session.held > self._limits.frame_bytes:
            sentence = f"{session.held} bytes without a whole frame; at most {self._limits.frame_bytes} are allowed"
            events = [*events, Bad(Reason.TOO_LARGE, sentence, data)]
        return events

    async def _react(self, tracker: "Tracker", event: Event) -> None:
        match event:
            case Login(name, _):
                tracker.name = name
            case Records(payload, parameters, _):
                origin = Origin("tcp", self._protocol.decoder, parameters)
                await self._keep(tracker, *self._context.decode(origin, payload))
            case Bad(reason, detail, payload, _, parameters):
                origin = Origin("tcp", self._protocol.decoder, parameters)
                await self._keep(
                    tracker, [], [Undecoded(str(origin), payload, self._context.clock(), str(reason), detail)]
                )
            case Reply(_):
                pass
        if event.answer:
            tracker.writer.write(event.answer)
            await tracker.writer.drain()

    async def _keep(self, tracker: "Tracker", readings: list[Reading], undecoded: list[Undecoded]) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time() + _PATIENCE_S
        await self._context.deliver_at_last(readings, undecoded, give_up=lambda: tracker.gone() or loop.time() > due_s)


class Tracker:
    """One tracker's socket, its session, and who it said it is (empty before its log-in)."""

    __slots__ = ("connection", "name", "reader", "session", "writer")

    def __init__(
        self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: Connection
    ) -> None:
        self.session = session
        self.reader = reader
        self.writer = writer
        self.connection = connection
        self.name = ""

    def gone(self) -> bool:
        """Whether the tracker has closed or lost the tracker."""
        return self.reader.at_eof() or self.writer.is_closing()
