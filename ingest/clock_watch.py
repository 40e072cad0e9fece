"""Gathers what other clocks tell: gateways by their statuses, PostgreSQL by its own clock."""

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog

from city import topics
from city.errors import Malformed, Unavailable
from city.ledger.port import Ledger
from city.mqtt import Session
from city.wire import status
from ingest.city_clock import CityClock

PERIOD_S: Final = 30.0
"""Between two questions to the database."""

_RETAINED_S: Final = 0.3
"""The broker hands retained statuses over at once when it has subscribed us."""

_WITHOUT_S: Final = 5.0
_LOOK_S: Final = 0.05

log = structlog.get_logger("ingest")


@dataclass(slots=True)
class ClockWatch:
    """Keeps a `CityClock` informed; `run` goes on until it is cancelled.

    Attributes:
        session: One of its own, that the broker forgets with the connection: behind a backlog a status would be old.
    """

    clock: CityClock
    session: Session
    ledger: Ledger

    async def run(self) -> None:
        """Follow both."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_gateways(), name="clocks of gateways")
            group.create_task(self._follow_database(), name="clock of the database")

    async def first_look(self, main: Session) -> None:
        """Wait for what can be known before the first flush; a broker that refuses our session delays it by seconds."""
        connected_s = 0.0
        while not self.session.is_connected and connected_s < _WITHOUT_S:
            await asyncio.sleep(_LOOK_S)
            connected_s += _LOOK_S if main.is_connected else 0.0
        await asyncio.sleep(_RETAINED_S)
        self.clock.judge_anew()

    async def _follow_gateways(self) -> None:
        while True:
            messages = await self.session.receive()
            for message in messages:
                note_status(self.clock, message.topic, message.payload, retained=message.retain)
            self.session.acknowledge(messages)

    async def _follow_database(self) -> None:
        while True:
            try:
                await ask_database(self.clock, self.ledger)
            except Unavailable as error:
                log.debug("the database tells no time", error=str(error))
            await asyncio.sleep(PERIOD_S)


async def ask_database(clock: CityClock, ledger: Ledger) -> None:
    """Learn from the ledger's server, if it has one.

    Raises:
        LedgerUnavailable: It doesn't answer.
    """
    asked_ns = clock.uptime()
    server_ns = await ledger.server_time_ns()
    if server_ns is not None:
        clock.note_database(server_ns, asked_ns)


def note_status(clock: CityClock, topic: str, payload: bytes, *, retained: bool) -> None:
    """Learn from a message on a status topic; what is none tells nothing, and the pipeline quarantines it."""
    try:
        parsed = topics.parse(topic)
        if isinstance(parsed, topics.OfGateway) and parsed.leaf == "status" and payload:
            clock.note_status(parsed.gateway, status.decode(payload), retained=retained)
    except Malformed:
        return
