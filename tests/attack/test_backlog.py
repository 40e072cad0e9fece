"""A gateway that comes back after three days with a full spool: its backlog meets no budget."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from city import topics
from city.errors import SpoolFull
from city.mqtt import Address, Session, Subscription
from city.reading import Reading
from gateway.outbox.group_commit import Contents
from gateway.outbox.relay import Relay, RelayConfig
from gateway.outbox.spool import Spool
from support.ingesting import PROVINCE, platform
from support.mosquitto import Mosquitto

HOURS = 72
HOUR_NS = 3_600 * 10**9
A_PACK = 30
GATEWAY = "gw-far"


def fill(spool: Spool) -> tuple[int, int]:
    """Spool three days of two devices at an even pace until nothing more fits; the readings and the most an hour."""
    packs_an_hour = spool.max_bytes // 700 // HOURS
    gap_ns = HOUR_NS // packs_an_hour // A_PACK
    now_ns, packs = time.time_ns(), 0
    while True:
        at_ns = now_ns - HOURS * HOUR_NS + packs * A_PACK * gap_ns
        rows = [Reading(f"truck-{k % 2}", "vehicle", at_ns + k * gap_ns, {"speed": float(k)}) for k in range(A_PACK)]
        try:
            spool.append([Contents(rows, [])])
        except SpoolFull:
            return packs * A_PACK, packs_an_hour
        packs += 1


async def test_nothing_of_a_full_spool_goes_to_quarantine(broker: Mosquitto, tmp_path: Path) -> None:
    worker = ThreadPoolExecutor(1)
    spool = await asyncio.get_running_loop().run_in_executor(
        worker, Spool, tmp_path / "gateway.spool", GATEWAY, 2 * 2**20
    )
    readings, packs_an_hour = await asyncio.get_running_loop().run_in_executor(worker, fill, spool)
    assert readings > 20_000
    budgets = {
        "device_messages": packs_an_hour * A_PACK,
        "gateway_messages": 2 * packs_an_hour,
        "gateway_bytes": 4_000 * packs_an_hour,
    }
    link = Session(
        Address("127.0.0.1", broker.port),
        client_id=GATEWAY,
        subscriptions=[Subscription(topics.receipt(PROVINCE, GATEWAY))],
    )
    async with platform(broker, tmp_path, **budgets) as korat, link:
        relay = Relay(spool, worker, link, province=PROVINCE, gateway=GATEWAY, config=RelayConfig())
        sending = asyncio.create_task(relay.run())

        async def emptied() -> bool:
            return spool.pending.packs == 0

        await korat.until(emptied, within_s=60)
        sending.cancel()
        await asyncio.wait([sending])
        counts = await korat.received(readings)
        assert (counts.received, counts.stored) == (readings, readings)
        assert await korat.ledger.quarantine() == []
    await asyncio.get_running_loop().run_in_executor(worker, spool.close)
    worker.shutdown()
