"""What each link counts, for the gateway's health and for its log: one line a class of trouble, never one a message."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from city.wire.pack import Undecoded

_QUIET_S: Final = 60.0
"""Seconds for which one class of trouble is not logged again."""

_log = structlog.get_logger(__name__)


class InputCounters:
    """Counts of one link since its start.

    Args:
        link: Name of the link; a device id may be made of it.
        clock: Seconds that only rise; a test hands in its own.

    Attributes:
        link: Name of the link.
        received: Messages, frames, answers or files' chunks that came in whole.
        readings: Readings that were made of them and are on disk.
        undecoded: Payloads that went to quarantine and are on disk.
        failed: What went wrong, by reason; the reasons are words of the links' code and of `city.errors.Reason`, so
            there is a bounded number of them.
        failed_of: The same, by device, where a link polls devices that its settings name.
        last_ns: When something last reached the disk, nanoseconds UTC; 0: never.
    """

    __slots__ = ("_clock", "_said", "failed", "failed_of", "last_ns", "link", "readings", "received", "undecoded")

    def __init__(self, link: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.link = link
        self.received = 0
        self.readings = 0
        self.undecoded = 0
        self.failed: Counter[str] = Counter()
        self.failed_of: Counter[str] = Counter()
        self.last_ns = 0
        self._said: dict[str, float] = {}
        self._clock = clock

    def kept(self, readings: int, undecoded: Sequence[Undecoded] = (), messages: int = 1) -> None:
        """Count what is on disk now."""
        self.received += messages
        self.readings += readings
        self.undecoded += len(undecoded)
        self.last_ns = time.time_ns()
        for item in undecoded:
            self.fail(item.reason, detail=item.detail)

    def fail(self, reason: str, device: str = "", **what: object) -> None:
        """Count a failure, and log the first of its class; later ones once a minute, with their number.

        Args:
            reason: Its class.
            device: The polled device that failed, if it is one; `device` of the settings, never of a message.
            **what: What else the log line says.
        """
        self.failed[reason] += 1
        if device:
            self.failed_of[device] += 1
            what["device"] = device
        now_s = self._clock()
        if now_s - self._said.get(reason, -_QUIET_S) >= _QUIET_S:
            self._said[reason] = now_s
            _log.warning("link trouble", link=self.link, reason=reason, times=self.failed[reason], **what)
