"""What gateways say of themselves: the last word counts, and a flood of them costs little."""

import json
import time
from pathlib import Path

from city import topics
from city.ledger import open_ledger
from city.ledger.port import GatewayRow, Ledger
from city.mqtt import Message
from city.registry import open_registry
from support.worker import Cells, Faulty, Worker


class Counting:
    """A ledger that counts the statuses written down."""

    def __init__(self, real: Ledger) -> None:
        self.real = real
        self.noted = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)

    async def note_status(self, row: GatewayRow) -> None:
        self.noted += 1
        await self.real.note_status(row)


def said(number: int, **status: object) -> Message:
    now_ns = time.time_ns() + number
    payload = json.dumps(status if status.get("spool") is None else {"at_ns": now_ns - 1, **status}).encode()
    return Message(topics.status("th-30", "gw-1"), payload, now_ns)


async def test_the_last_word_of_a_flood_counts(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    real, registry = await open_ledger(url), await open_registry(url)
    ledger = Counting(real)
    worker = Worker(Faulty(Cells(), ledger), registry)  # type: ignore[arg-type] # a stand-in
    flood = [said(number, online=True, spool="b", pending=number) for number in range(0, 2000, 2)]
    await worker.take([*flood, said(2001, online=False)])
    (gateway,) = await real.gateways()
    assert (gateway.online, gateway.spool, gateway.pending) == (False, "b", 1998)
    await worker.take([said(3001, online=False), said(3002, online=True, spool="b", pending=7)])
    (gateway,) = await real.gateways()
    assert (gateway.online, gateway.pending) == (True, 7)
    assert ledger.noted == 4
    await real.aclose()
    await registry.aclose()
