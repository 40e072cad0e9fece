"""How long connections may do nothing, and how many there may be: of one address, and in all.

HTTP's doors and the trackers' have it. What is said of a request holds for a tracker's frame: its head is what is there
of it before it is whole, a log-in too.

A connection costs its sender one packet and us a file, so whoever opens many closes a door that has no bound. What asks
nothing makes room for what asks: at a bound, the connection that has waited for longest goes, of the address that
holds most.
"""

import asyncio
import resource
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from city.proxies import TrustedProxies

SWEEP_S: Final = 1.0
_SHARE_OF_FILES: Final = 3
"""One door takes at most this part of the files that the process may open."""


class Phase(Enum):
    """What a connection is at."""

    HEAD = auto()
    """A request, or the rest of one, is awaited; so begins each connection."""
    REQUEST = auto()
    """A request is being answered."""
    IDLE = auto()
    """The last one was answered, and no byte of another has come."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The bounds of one door.

    Attributes:
        max_connections: At once, in all; of one address at most half of them.
        head_s: Seconds in which the head of a request must be there.
        idle_s: Seconds between two requests.
        stalled_s: Seconds in which a client must take something of its answer.
        slow: What an end by `head_s` is counted as.
        idle: What an end by `idle_s` is counted as; empty: it is nothing that should be known.
    """

    max_connections: int
    head_s: float = 10.0
    idle_s: float = 60.0
    stalled_s: float = 30.0
    slow: str = "slow_head"
    idle: str = ""


class Connection:
    """One connection: its address, and since when it is at what."""

    __slots__ = ("address", "phase", "since_s", "taken_s", "transport", "unsent")

    def __init__(self, transport: asyncio.Transport, now_s: float) -> None:
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        self.transport = transport
        self.phase = Phase.HEAD
        self.since_s = now_s
        self.unsent = 0
        self.taken_s = now_s


class Connections:
    """The connections of one door.

    Args:
        limits: Its bounds.
        count: Told the reason of each connection that was ended.
        clock: Seconds that only rise; a test hands in its own.
        proxies: Addresses that are of no single client, so that only the bound in all counts for them.
    """

    def __init__(
        self,
        limits: ConnectionLimits,
        count: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        proxies: TrustedProxies = TrustedProxies(),  # noqa: B008 - it can't be changed
    ) -> None:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._limits = limits
        self._max = max(2, min(limits.max_connections, files // _SHARE_OF_FILES))
        self._count = count
        self._clock = clock
        self._proxies = proxies
        self._open: dict[Connection, None] = {}
        self._of_address: Counter[str] = Counter()

    def __len__(self) -> int:
        """Connections that are open."""
        return len(self._open)

    def __contains__(self, connection: Connection) -> bool:
        """Whether it is open still, and was not ended here."""
        return connection in self._open

    def add(self, transport: asyncio.Transport) -> Connection | None:
        """Take a new connection; None, and it is ended, where all others are being answered."""
        connection = Connection(transport, self._clock())
        crowded = self._of_address[connection.address] >= self._max // 2 and not self._proxies.trusts(
            connection.address
        )
        if (crowded or len(self._open) >= self._max) and not self._make_room(connection.address if crowded else None):
            self._count("too_many_connections")
            transport.abort()
            return None
        self._open[connection] = None
        self._of_address[connection.address] += 1
        return connection

    def remove(self, connection: Connection) -> None:
        """Forget a connection that ended."""
        if connection in self._open:
            del self._open[connection]
            self._of_address[connection.address] -= 1
            if not self._of_address[connection.address]:
                del self._of_address[connection.address]

    def turn(self, connection: Connection, phase: Phase) -> None:
        """Note what a connection is at; its time begins anew only when that changes."""
        if phase is not connection.phase:
            connection.phase, connection.since_s = phase, self._clock()

    def sweep(self) -> None:
        """End what has waited too long."""
        now_s = self._clock()
        for connection in list(self._open):
            self._check(connection, now_s)

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_S)
            self.sweep()

    def _check(self, connection: Connection, now_s: float) -> None:
        unsent = connection.transport.get_write_buffer_size()
        if not unsent or unsent != connection.unsent:
            connection.unsent, connection.taken_s = unsent, now_s
        if unsent:
            if now_s - connection.taken_s >= self._limits.stalled_s:
                self._end(connection, "answer_not_taken")
        elif connection.phase is Phase.HEAD and now_s - connection.since_s >= self._limits.head_s:
            self._end(connection, self._limits.slow)
        elif connection.phase is Phase.IDLE and now_s - connection.since_s >= self._limits.idle_s:
            self._end(connection, self._limits.idle)

    def _make_room(self, address: str | None) -> bool:
        if address is None:
            held = Counter(one.address for one in self._open if one.phase is not Phase.REQUEST)
            address = max(held, key=held.__getitem__, default=None)
        waiting = [one for one in self._open if one.address == address and one.phase is not Phase.REQUEST]
        if not waiting:
            return False
        self._end(min(waiting, key=lambda one: one.since_s), "crowded_out")
        return True

    def _end(self, connection: Connection, reason: str) -> None:
        self.remove(connection)
        connection.transport.abort()
        if reason:
            self._count(reason)
