"""A process of several services: they start in order, stop in the other, and none fails in silence."""

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, TypeVar

import structlog

from city.errors import KoratError

log = structlog.get_logger("korat")

STOP_S: Final = 2.0
"""How long one service may take to stop before it is cancelled."""

ALL_S: Final = 3.5
"""How long all of them may take together."""

LAST_S: Final = 4.5
"""After that the process ends even if a service still works: what was confirmed is on disk, the rest comes again."""

T = TypeVar("T")

Service = Callable[[asyncio.Event], Awaitable[None]]
"""Works until the event is set."""


class Stopped(KoratError):
    """A signal came while the process was starting."""


@dataclass(slots=True)
class Process:
    """Runs services in one event loop until a signal comes or one of them ends.

    Attributes:
        stop: Set by a signal, or by the end of a service.
        last_resort: Ends the process when it hasn't ended `LAST_S` after the signal; a test leaves it out.
    """

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    last_resort: Callable[[], None] | None = None
    _running: list[tuple[asyncio.Event, asyncio.Task[None]]] = field(default_factory=list)
    _signals: list[signal.Signals] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        """Take over the signals: SIGINT, SIGTERM, and SIGHUP unless it is ignored (nohup)."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, self._on_signal)
                self._signals.append(number)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Stop what still runs. A signal during the start is a stop like another.

        The signals stay ours: a second one must not cut the end short.
        """
        try:
            await self.stop_all()
        except KoratError as failure:
            if error is None or isinstance(error, Stopped):
                raise
            log.warning("a service failed too", error=str(failure))
        return isinstance(error, Stopped)

    def start(self, name: str, service: Service) -> None:
        """Start one service; its end is the end of all."""
        stop = asyncio.Event()

        async def work() -> None:
            try:
                await service(stop)
                if not stop.is_set():
                    raise KoratError(f"{name} ended by itself, so everything was stopped; its log says more")
            finally:
                self.stop.set()

        self._running.append((stop, asyncio.create_task(work(), name=name)))

    async def unless_stopped(self, work: Awaitable[T]) -> T:
        """Wait for a step of the start; a signal cuts it short.

        Raises:
            Stopped: A signal came first.
        """
        step = asyncio.ensure_future(work)
        stopping = asyncio.create_task(self.stop.wait(), name="stop while starting")
        try:
            await asyncio.wait({step, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not step.done():
                step.cancel()
                raise Stopped("stopped while starting")
            return step.result()
        finally:
            stopping.cancel()

    async def until_stopped(self) -> None:
        """Wait for a signal or the first service to end; then stop all, the last one first.

        Raises:
            Exception: What a service failed with.
        """
        try:
            await self.stop.wait()
        finally:
            await self.stop_all()

    async def stop_all(self) -> None:
        """Stop every service, the last one first.

        Raises:
            Exception: What the first failing service failed with.
        """
        loop = asyncio.get_running_loop()
        until_s = loop.time() + ALL_S
        failures: list[BaseException] = []
        while self._running:
            stop, task = self._running.pop()
            stop.set()
            _, late = await asyncio.wait([task], timeout=max(0.0, min(STOP_S, until_s - loop.time())))
            if late:
                log.warning("service does not stop, cancelled", service=task.get_name())
                task.cancel()
                await asyncio.wait([task], timeout=STOP_S)
            if task.done() and not task.cancelled() and (failure := task.exception()) is not None:
                failures.append(failure)
        for failure in failures[1:]:
            log.warning("another service failed too", error=str(failure))
        if failures:
            raise failures[0]

    def _on_signal(self) -> None:
        if not self.stop.is_set() and self.last_resort is not None:
            timer = threading.Timer(LAST_S, self.last_resort)
            timer.daemon = True
            timer.start()
        self.stop.set()


def end_now(code: int = 0) -> None:
    """End the process though a thread is still at work: a store that is busy must not hold up a stop."""
    log.warning("a part is still busy; ended without it, what was confirmed is on disk")
    os._exit(code)
