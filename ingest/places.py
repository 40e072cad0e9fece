"""Where each registered device belongs, kept beside the hot path and refreshed from the registry."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from city.batch import Place
from city.ledger.port import NewDevice
from city.registry.port import Registry

REFRESH_S = 5.0


@dataclass(slots=True)
class Places:
    """The device table's places; `known` is one dict for ever, so others may hold on to it."""

    registry: Registry
    known: dict[str, Place] = field(default_factory=dict)
    _revision: int = 0
    _due: float = 0.0

    async def refresh(self) -> None:
        """Read what changed, at most every few seconds.

        Raises:
            LedgerUnavailable: The registry's database is down.
        """
        if time.monotonic() < self._due:
            return
        changed, self._revision = await self.registry.places(self._revision)
        self.known.update(changed)
        self._due = time.monotonic() + REFRESH_S

    def learn(self, devices: Iterable[NewDevice]) -> None:
        """Take in devices that have just been registered."""
        for new in devices:
            self.known.setdefault(new.device, Place(new.province))
