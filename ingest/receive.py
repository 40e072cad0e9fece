"""How much goes into a flush: what comes within a moment, or twice the usual size from a backlog."""

import asyncio
import time
from typing import Final

from city.mqtt import Session
from ingest.city_clock import CityClock
from ingest.load import FlushInput, Loader
from ingest.settings import IngestSettings

MAX_MESSAGES: Final = 256
"""Taken in one go: arrays of a thousand may follow single readings, and a backlog of them must not fill the memory."""

FIRST_MESSAGES: Final = 16
"""Taken before it is known how many readings a message holds."""


async def receive(session: Session, loader: Loader, settings: IngestSettings, clock: CityClock) -> FlushInput:
    """Load messages until they are enough or the oldest has waited long enough."""
    taken = FlushInput()
    loader.budgets.start_hour(clock.read())
    loader.load(await session.receive(FIRST_MESSAGES), taken)
    deadline_s = time.monotonic() + settings.flush_ms / 1000
    while (room := _room(session, settings) - taken.readings) > 0:
        try:
            async with asyncio.timeout(deadline_s - time.monotonic()):
                messages = await session.receive(_messages_for(room, taken))
        except TimeoutError:
            break
        loader.load(messages, taken)
    return taken


def _room(session: Session, settings: IngestSettings) -> int:
    """Readings that a flush takes: twice as many from a backlog, for each flush has a price of its own."""
    return 2 * settings.flush_readings if session.waiting else settings.flush_readings


def _messages_for(room: int, taken: FlushInput) -> int:
    """How many messages to take for so many readings, if they are like those before: a pack holds a hundred."""
    return max(1, min(MAX_MESSAGES, room * len(taken.messages) // max(1, taken.readings)))
