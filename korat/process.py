"""A process of several services: they start in order, stop in the other, and none fails in silence."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

log = structlog.get_logger("korat")

STOP_S: Final = 2.0
"""How long one service may take to stop before it is cancelled."""

Service = Callable[[asyncio.Event], Awaitable[None]]
"""Works until the event is set."""


@dataclass(slots=True)
class Process:
    """Runs services in one event loop until a signal comes or one of them ends."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _running: list[tuple[asyncio.Event, asyncio.Task[None]]] = field(default_factory=list)

    def start(self, name: str, service: Service) -> None:
        """Start one service; its end is the end of all."""
        stop = asyncio.Event()

        async def work() -> None:
            try:
                await service(stop)
            finally:
                self.stop.set()

        self._running.append((stop, asyncio.create_task(work(), name=name)))

    async def until_stopped(self) -> None:
        """Wait for SIGINT, SIGTERM or the first service to end; then stop all, the last one first.

        Raises:
            Exception: What a service failed with.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop.set)
        try:
            await self.stop.wait()
        finally:
            await self.stop_all()

    async def stop_all(self) -> None:
        """Stop every service, the last one first.

        Raises:
            Exception: What the first failing service failed with.
        """
        failures: list[BaseException] = []
        while self._running:
            stop, task = self._running.pop()
            stop.set()
            _, late = await asyncio.wait([task], timeout=STOP_S)
            if late:
                log.warning("service does not stop, cancelled", service=task.get_name())
                task.cancel()
                await asyncio.wait([task])
            if not task.cancelled() and (failure := task.exception()) is not None:
                failures.append(failure)
        if failures:
            raise failures[0]
