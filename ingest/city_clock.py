"""The worker's clock, and what the clocks of others say of it."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from city.errors import ClockWrong
from city.wire.status import Status
from ingest.clock_judge import Hysteresis, Verdict, judge

STEP_NS: Final = 10**9
"""A change of our clock by more is a step: it was set, or mended."""

_MAX_GATEWAYS: Final = 10_000
_LATEST: Final = 3
"""Statuses of a gateway that count, the least delayed of them most."""

_GATEWAY_NS: Final = 3600 * 10**9
_DATABASE_NS: Final = 300 * 10**9
_MAX_ERROR_NS: Final = 2 * 10**9
_LAST_INT: Final = 2**63 - 1

log = structlog.get_logger("ingest")


def uptime_ns() -> int:
    """Nanoseconds that no setting of the clock changes, sleep of the machine included."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(slots=True)
class _Gateway:
    """A gateway's clock less our uptime, as its statuses told it; `at_least_ns` before the first live one."""

    live: deque[int] = field(default_factory=lambda: deque(maxlen=_LATEST))
    at_least_ns: int = 0
    seen_ns: int = 0

    def ahead_s(self, base_ns: int) -> float:
        # a status is as old as its way took, so the greatest is the truest
        return (max(self.live) - base_ns) / 1e9 if self.live else max(0.0, (self.at_least_ns - base_ns) / 1e9)


class CityClock:
    """Our time as long as it is not known to be wrong.

    What another clock showed is kept relative to the uptime, so a step of our own clock shows at once, without
    a new word of the others.

    Args:
        max_future_skew_s: See `Hysteresis`.
        read: Our clock, nanoseconds UTC.
        uptime: See `uptime_ns`.
    """

    def __init__(
        self,
        max_future_skew_s: float = 300,
        *,
        read: Callable[[], int] = time.time_ns,
        uptime: Callable[[], int] = uptime_ns,
    ) -> None:
        self.read = read
        self.verdict: Verdict | None = None
        self._uptime = uptime
        self._state = Hysteresis(max_future_skew_s)
        self._gateways: dict[str, _Gateway] = {}
        self._database: tuple[int, int] | None = None
        self._judged: tuple[int, int] | None = None

    def base_ns(self) -> int:
        """Our clock less the uptime: it changes when our clock is set."""
        return self.read() - self._uptime()

    def now_ns(self) -> int:
        """Give our time.

        Raises:
            ClockWrong: Other clocks agree that it is none.
        """
        self.check()
        return self.read()

    def check(self) -> None:
        """Judge our clock anew if it was set, or every second.

        Raises:
            ClockWrong: It is wrong.
        """
        base_ns, uptime_now_ns = self.base_ns(), self._uptime()
        if (
            self._judged is None
            or abs(base_ns - self._judged[0]) > STEP_NS
            or uptime_now_ns - self._judged[1] > STEP_NS
        ):
            self._judged = base_ns, uptime_now_ns
            self._judge(base_ns, uptime_now_ns)
        if self._state.wrong is not None:
            raise ClockWrong(_sentence(self._state.wrong))

    @property
    def is_wrong(self) -> bool:
        """Whether ingest stands still because of it."""
        return self._state.wrong is not None

    def note_status(self, gateway: str, status: Status, *, retained: bool) -> None:
        """Learn from a gateway's status that has just come.

        Args:
            gateway: Whose.
            status: It; a will has no time.
            retained: It is of unknown age: it can only tell that we are behind.
        """
        if status.at_ns <= 0 or not status.online:
            return
        uptime_now_ns = self._uptime()
        anchor_ns = min(status.at_ns, _LAST_INT) - uptime_now_ns
        if gateway not in self._gateways and len(self._gateways) >= _MAX_GATEWAYS:
            return
        known = self._gateways.setdefault(gateway, _Gateway())
        if not retained:
            known.live.append(anchor_ns)
        elif not known.live:
            known.at_least_ns = anchor_ns
        known.seen_ns = uptime_now_ns

    def note_database(self, server_ns: int, asked_ns: int) -> None:
        """Learn from the database's clock, asked for at this uptime; a slow answer tells nothing."""
        uptime_now_ns = self._uptime()
        if uptime_now_ns - asked_ns <= _MAX_ERROR_NS:
            self._database = uptime_now_ns, server_ns - (asked_ns + uptime_now_ns) // 2

    def judge_anew(self) -> None:
        """Have the next check judge at once."""
        self._judged = None

    def uptime(self) -> int:
        """Give the uptime that this clock goes by."""
        return self._uptime()

    def _judge(self, base_ns: int, uptime_now_ns: int) -> None:
        old_ns = uptime_now_ns - _GATEWAY_NS
        self._gateways = {key: known for key, known in self._gateways.items() if known.seen_ns > old_ns}
        ahead_s = [known.ahead_s(base_ns) for known in self._gateways.values()]
        database_s = None
        if self._database is not None and self._database[0] > uptime_now_ns - _DATABASE_NS:
            database_s = (self._database[1] - base_ns) / 1e9
        self.verdict = judge(ahead_s, database_s)
        was_wrong = self.is_wrong
        self._state.update(self.verdict)
        if self._state.wrong is not None and not was_wrong:
            log.error("the clock is wrong", detail=_sentence(self._state.wrong))
        elif was_wrong and not self.is_wrong:
            log.info("the clock is right again")


def _sentence(verdict: Verdict) -> str:
    where = "ahead of" if verdict.ahead_s > 0 else "behind"
    return (
        f"this machine's clock is {abs(verdict.ahead_s):.0f} s {where} the city's, as {verdict.witnesses} tell: "
        "ingest stands still until it is set right; gateways and broker keep what comes"
    )
