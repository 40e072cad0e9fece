"""A TCP server for trackers: it speaks any protocol of which there is a session, and acknowledges what the disk has.

Each connection is read only while nothing of it waits for the spool, so a full spool reaches the tracker as TCP's own
back-pressure. What was not acknowledged is the tracker's still, and comes again with its next connection.
"""

import asyncio
import contextlib
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, Field, model_validator

from city.errors import KoratError, Reason
from city.reading import Reading
from city.tables import Port, Seconds
from city.wire.pack import Undecoded
from gateway.decoders import TRACKER_PROTOCOLS, Origin
from gateway.decoders.tracker import Bad, Event, Login, Records, Reply, Session
from gateway.inputs.input import InputContext, InputTable, NotTakenError, listening, until_cancelled
from gateway.inputs.token_bucket import TokenBucket

_CHUNK: Final = 4096
_ANSWER_S: Final = 10.0
"""Seconds in which a tracker must take an answer."""

_PATIENCE_S: Final = 60.0
"""Seconds for which a tracker is kept waiting for the spool; most have given up and come again by then."""

_PENDING: Final = 256
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
        connections: At once; more are closed unheard.
        login_s: Seconds in which a tracker must say who it is.
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
        self._connections: set[asyncio.Task[None]] = set()
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
        """Serve until cancelled."""
        await until_cancelled()

    async def close(self) -> None:
        """Listen no more and end all connections; what they have not acknowledged comes again."""
        if self._server is None:
            return
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= self._limits.connections:
            self._counters.fail("too_many_connections", limit=self._limits.connections)
            writer.transport.abort()
            return
        connection = asyncio.get_running_loop().create_task(self._serve(reader, writer), name="tracker")
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection; only its end by cancellation leaves this."""
        connection = Connection(self._protocol.session(), reader, writer)
        try:
            await self._read(connection)
        except TimeoutError:
            self._counters.fail("silent" if connection.name else "no_login")
        except OSError as error:
            self._counters.fail("connection_lost", detail=str(error))
        except (NotTakenError, KoratError) as error:
            self._counters.fail("not_taken", detail=str(error))
        finally:
            # an answer that still waits is sent, unless nobody takes it
            with contextlib.suppress(RuntimeError):
                writer.close()

    async def _read(self, connection: "Connection") -> None:
        loop = asyncio.get_running_loop()
        pace = TokenBucket(self._limits.frames_a_second, loop.time())
        login_due_s = loop.time() + self._limits.login_s
        while True:
            due_s = loop.time() + self._limits.idle_s if connection.name else login_due_s
            async with asyncio.timeout_at(due_s):
                data = await connection.reader.read(_CHUNK)
            if not data:
                if connection.session.held:
                    self._counters.fail("cut_short")
                return
            for event in self._events(connection.session, data):
                await self._react(connection, event)
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

    async def _react(self, connection: "Connection", event: Event) -> None:
        match event:
            case Login(name, _):
                connection.name = name
            case Records(payload, parameters, _):
                origin = Origin("tcp", self._protocol.decoder, parameters)
                await self._keep(connection, *self._context.decode(origin, payload))
            case Bad(reason, detail, payload, _, parameters):
                origin = Origin("tcp", self._protocol.decoder, parameters)
                await self._keep(
                    connection, [], [Undecoded(str(origin), payload, self._context.clock(), str(reason), detail)]
                )
            case Reply(_):
                pass
        if event.answer:
            connection.writer.write(event.answer)
            async with asyncio.timeout(_ANSWER_S):
                await connection.writer.drain()

    async def _keep(self, connection: "Connection", readings: list[Reading], undecoded: list[Undecoded]) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time() + _PATIENCE_S
        await self._context.deliver_at_last(
            readings, undecoded, give_up=lambda: connection.gone() or loop.time() > due_s
        )


class Connection:
    """One tracker's socket, its session, and who it said it is (empty before its log-in)."""

    __slots__ = ("name", "reader", "session", "writer")

    def __init__(self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.session = session
        self.reader = reader
        self.writer = writer
        self.name = ""

    def gone(self) -> bool:
        """Whether the tracker has closed or lost the connection."""
        return self.reader.at_eof() or self.writer.is_closing()
