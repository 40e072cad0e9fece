"""A relay with its spool and session, in short patience, for `async with`."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from fake_ingest import GATEWAY, PROVINCE

from city import topics
from city.mqtt import Address, Session, Subscription
from city.reading import Reading
from gateway.relay import Pace, Relay
from gateway.report import will
from gateway.spool import Spool

T0 = 1_763_870_000 * 10**9
QUICK = Pace(pack_readings=10, pack_age_s=0.01, window=8, resend_s=0.3, most_resend_s=0.6)


def reading(number: int, device: str = "dev-1") -> Reading:
    """Give a reading that is told from others by its number."""
    return Reading(device, "weather", T0 + number, {"temperature": float(number), "humidity": 60.0})


async def until(true: Callable[[], bool], within_s: float = 15.0) -> None:
    """Wait until something is true, or fail."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not become true in time"
        await asyncio.sleep(0.01)


class Rig:
    """A running relay.

    Args:
        port: The broker's.
        file: The spool's.
    """

    def __init__(self, port: int, file: Path) -> None:
        self.file = file
        self.pace = QUICK
        self.spool_bytes = 64 * 2**20
        self._port = port

    async def __aenter__(self) -> Self:
        self.worker = ThreadPoolExecutor(1)
        self.spool = Spool(self.file, GATEWAY, self.spool_bytes)
        self.session = Session(
            Address("127.0.0.1", self._port),
            client_id=GATEWAY,
            subscriptions=[Subscription(topics.receipt(PROVINCE, GATEWAY))],
            will=will(topics.status(PROVINCE, GATEWAY)),
        )
        await self.session.__aenter__()
        self.relay = Relay(self.spool, self.worker, self.session, province=PROVINCE, gateway=GATEWAY, pace=self.pace)
        self.task = asyncio.create_task(self.relay.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.wait((self.task,))
        await self.session.__aexit__(None, None, None)
        self.worker.shutdown()
        self.spool.close()

    async def accept(self, *numbers: int) -> None:
        """Hand over readings of these numbers in one call."""
        await self.relay.accept([reading(number) for number in numbers], [])

    async def emptied(self) -> None:
        """Wait until nothing waits for a receipt."""
        await until(lambda: self.spool.pending.packs == 0)
