"""How many readings a flush takes: the setting, and twice as many from a backlog."""

import time
from typing import Any, cast

import pytest

from city.mqtt import Message
from ingest.budgets import Budgets
from ingest.city_clock import CityClock
from ingest.load import Loader
from ingest.receive import receive
from ingest.settings import IngestSettings

SIZE = 40


class Waiting:
    """A session in which so many messages of one reading wait, and no more will come."""

    def __init__(self, messages: int) -> None:
        now_ns = time.time_ns()
        topic, payload = "city/th-30/smart_city/rain/r-1", b'{"ts": 1764900000000, "values": {"rain_rate": 1}}'
        self.left = [Message(topic, payload, now_ns) for _ in range(messages)]

    @property
    def waiting(self) -> int:
        return len(self.left)

    async def receive(self, limit: int) -> list[Message]:
        taken, self.left = self.left[:limit], self.left[limit:]
        if not taken:
            raise TimeoutError
        return taken


@pytest.mark.parametrize(("waiting", "taken"), [(1, 1), (SIZE - 1, SIZE - 1), (SIZE, SIZE), (70, 70), (500, 2 * SIZE)])
async def test_a_backlog_is_taken_in_flushes_twice_as_large(waiting: int, taken: int) -> None:
    session = cast("Any", Waiting(waiting))
    settings = IngestSettings(flush_readings=SIZE)
    loader = Loader(Budgets(settings), {})
    flush = await receive(session, loader, settings, CityClock())
    assert flush.readings == len(flush.messages) == taken
