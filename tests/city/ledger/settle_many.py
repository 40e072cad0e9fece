"""A worker to be raced and killed: `settle_many.py URL NAME FLUSHES`.

Each flush settles one pack of the worker's own gateway, one that all workers fight for, one message, and one payload
for the quarantine.
"""

import asyncio
import sys

from city.errors import Conflict, Reason
from city.ledger import open_ledger
from city.ledger.port import JournalEntry, NewDevice, PackClaim, PackId, QuarantinedPayload, Settlement, Source
from city.outcomes import Counts


async def main(url: str, name: str, flushes: int) -> None:
    """Settle until as many flushes are done, from wherever the last run got to."""
    ledger = await open_ledger(url)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for seq in range(1, flushes + 1):
        while True:
            settlement = _flush(name, seq)
            dedup = await ledger.refresh()
            for claim in list(settlement.packs):
                if dedup.has_pack(claim.id):
                    settlement.packs.remove(claim)
                    del settlement.counts[Source(claim.id.gateway, "d")]
            if not settlement.packs:
                break
            if settlement.packs[0].id.gateway == name:
                settlement.fingerprints = [hash((name, seq)) % 2**64]
                settlement.counts[Source("", name)] = Counts(2, 1, 0, 1)
                settlement.quarantined = [QuarantinedPayload("t", b"x", 1, Reason.EMPTY, "", Source("", name))]
                settlement.devices = [NewDevice(f"{name}-{seq}", "weather", "th-30", "", 1)]
            settlement.journal = [JournalEntry(name, claim.readings, b"x") for claim in settlement.packs]
            try:
                await ledger.settle(settlement)
            except Conflict:
                continue
            break
    await ledger.aclose()


def _flush(name: str, seq: int) -> Settlement:
    settlement = Settlement(1_764_900_000_000_000_000 + seq)
    for gateway in (name, "shared"):
        settlement.packs.append(PackClaim(PackId(gateway, "b", seq), (seq - 1) * 10, 10))
        settlement.counts[Source(gateway, "d")] = Counts(10, 10)
    return settlement


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
