"""What the registry knows of each device, kept beside the hot path and refreshed."""

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from city.batch import Place
from city.ledger.port import NewDevice
from city.registry.port import Registry

REFRESH_S = 5.0


@dataclass(slots=True)
class DeviceCache:
    """The registered devices, their places and kinds.

    Attributes:
        registry: Who knows them.
        known: Device to its place; one dict for ever, so others may hold on to it.
        heard: Kind to the devices that were heard under it.
    """

    registry: Registry
    known: dict[str, Place] = field(default_factory=dict)
    heard: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _revision: int = 0
    _due: float = 0.0

    async def refresh(self) -> None:
        """Read what changed, at most every few seconds.

        Raises:
            LedgerUnavailable: The registry's database is down.
        """
        if time.monotonic() < self._due:
            return
        changes = await self.registry.changes(self._revision)
        self.known.update(changes.places)
        for device, kind in changes.kinds:
            self.heard[kind].add(device)
        self._revision = changes.revision
        self._due = time.monotonic() + REFRESH_S

    def learn(self, devices: Iterable[NewDevice]) -> None:
        """Take in devices that have just been registered."""
        for new in devices:
            self.known.setdefault(new.device, Place(new.province))
            self.heard[new.kind].add(new.device)
