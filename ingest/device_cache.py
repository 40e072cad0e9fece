"""The registered devices, kept beside the hot path."""

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import structlog

from city.batch import Place
from city.ledger.port import NewDevice
from city.registry.port import Registry

REFRESH_S = 5.0

_log = structlog.get_logger("ingest")


@dataclass(slots=True)
class DeviceCache:
    """What the registry knows of devices, as far as this process has read.

    Attributes:
        registry: Where they are registered.
        places: Device to its place; the same dict for ever, so others may hold on to it.
        by_kind: Kind to the devices that are registered under it.
    """

    registry: Registry
    places: dict[str, Place] = field(default_factory=dict)
    by_kind: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _revision: int = 0
    _due_s: float = 0.0

    async def refresh(self) -> None:
        """Read what changed, at most once in `REFRESH_S`.

        Raises:
            LedgerUnavailable: The registry's database is down.
        """
        if time.monotonic() < self._due_s:
            return
        changes = await self.registry.changes(self._revision)
        for device in changes.removed & self.places.keys():
            del self.places[device]
            for registered in self.by_kind.values():
                registered.discard(device)
        self.places.update(changes.places)
        for device, kind in changes.kinds:
            self.by_kind[kind].add(device)
        self._revision = changes.revision
        self._due_s = time.monotonic() + REFRESH_S

    def add(self, devices: Iterable[NewDevice]) -> None:
        """Take in devices that a settlement has just registered; a further kind of a known one is logged."""
        for new in devices:
            if new.device in self.places and new.device not in self.by_kind[new.kind]:
                _log.info("a known device is of a further kind", device=new.device, kind=new.kind)
            self.places.setdefault(new.device, Place(new.province))
            self.by_kind[new.kind].add(new.device)
