"""What is done now and then by hand: erase a device, fill registry or store again from the other."""

import time
from collections.abc import Mapping
from typing import Final

from city.batch import NOWHERE
from city.errors import ConfigurationError
from city.ledger.port import NewDevice, Settlement
from city.ledger.retention import Erasure
from city.reading import checked_id
from city.store.port import LatestQuery
from city.wire import journal, pack
from korat.backends import Backends
from korat.backup import back_up
from korat.requests import Action
from korat.settings import PlatformSettings

EVER: Final = 2**62
"""An instant behind all others, nanoseconds UTC."""

_ENTRIES: Final = 20
_DEVICES: Final = 1_000


async def forget(_: PlatformSettings, backends: Backends, arguments: Mapping[str, str]) -> str:
    """Erase a `device` between `start_ns` and `end_ns`, asked for by `who` because of `why`; gives a sentence.

    Without a range it leaves the registry too. The record of it comes first and is marked done last.
    """
    start_ns, end_ns = int(arguments["start_ns"]), int(arguments["end_ns"])
    asked = Erasure(checked_id(arguments["device"]), start_ns, end_ns, arguments["who"], arguments["why"])
    number = await backends.ledger.erase(asked)
    await backends.store.forget(asked.device, start_ns, end_ns)
    if (start_ns, end_ns) == (0, EVER):
        await backends.registry.remove([asked.device])
    await backends.ledger.erased(number)
    row = next(row for row in await backends.ledger.erasures() if row.id == number)
    return (
        f"{asked.device} is erased from the store, from the journal ({row.readings:,} readings) and from the "
        f"quarantine ({row.payloads:,} payloads); counts stay. This is erasure {number} in the ledger's record."
    )


async def rebuild_registry(settings: PlatformSettings, backends: Backends, _: Mapping[str, str]) -> str:
    """Register every device that the store knows and the registry doesn't, after an old ledger was restored."""
    found = await backends.store.latest(LatestQuery())
    known = await backends.registry.find({one.device for one in found})
    new = [
        NewDevice(one.device, one.kind, settings.city.province, "", one.time_ns)
        for one in found
        if one.device not in known or one.kind not in known[one.device].kinds
    ]
    for start in range(0, len(new), _DEVICES):
        await backends.ledger.refresh()
        await backends.ledger.settle(Settlement(time.time_ns(), devices=new[start : start + _DEVICES]))
    devices = len({one.device for one in new} - known.keys())
    return f"{devices:,} devices of {len({one.device for one in found}):,} in the store were registered again."


async def refill_store(_: PlatformSettings, backends: Backends, __: Mapping[str, str]) -> str:
    """Write everything that the journal holds into the store again, after an old store was restored."""
    span = await backends.ledger.journal_span()
    places = (await backends.registry.changes()).places
    after, readings = span.first - 1, 0
    while rows := await backends.ledger.journal(after=after, limit=_ENTRIES, epoch=span.epoch):
        for row in rows:
            for block in journal.decode(row.entry.payload):
                batch = pack.to_batch(block)
                batch.rx_ns = row.at_ns
                batch.places = [places.get(device, NOWHERE) for device in batch.devices]
                outcome = await backends.store.write(batch)
                if outcome.rejected:
                    raise ConfigurationError(f"the store refuses {next(iter(outcome.rejected.values()))}")
                readings += len(batch)
        after = rows[-1].id
    return f"{readings:,} readings of {after - span.first + 1:,} entries of the journal are in the store."


ACTIONS: Final[dict[str, Action]] = {
    "backup": back_up,
    "forget": forget,
    "registry rebuild": rebuild_registry,
    "store refill": refill_store,
}
