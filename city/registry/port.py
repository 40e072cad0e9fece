"""The registry port. Devices register themselves: the ledger's settlement inserts them when first seen."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from city.batch import Place


class DeviceStatus(StrEnum):
    """Where a device stands."""

    DISCOVERED = "discovered"
    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One device as the registry knows it.

    Attributes:
        device: Its id.
        kind: Kind under which it was first seen.
        province: ISO 3166-2 in lower case, of the topic on which it was first seen.
        district: Empty until it is set.
        owner: Id of the owner; empty where it has none.
        gateway: Gateway that first brought it; empty for a direct device.
        status: DISCOVERED until it is named.
        name: What people call it; empty until named.
        first_seen_ns: Nanoseconds UTC.
        kinds: All under which it sent readings, sorted.
    """

    device: str
    kind: str
    province: str
    district: str
    owner: str
    gateway: str
    status: DeviceStatus
    name: str
    first_seen_ns: int
    kinds: tuple[str, ...]


class Changes(NamedTuple):
    """What the registry learnt since a revision.

    Attributes:
        places: Where devices belong.
        kinds: Device and a kind under which it sent readings.
        revision: To ask from next time.
        removed: Devices that left the registry; one that came again meanwhile is among `places` too.
    """

    places: dict[str, Place]
    kinds: set[tuple[str, str]]
    revision: int
    removed: frozenset[str] = frozenset()


class Registry(Protocol):
    """The device table. All calls raise LedgerUnavailable when the database is down."""

    async def device(self, device: str) -> DeviceRow | None:
        """One device, or None."""

    async def find(self, devices: Collection[str]) -> dict[str, DeviceRow]:
        """Those of these devices that there are, by id."""

    async def devices(
        self, *, after: str = "", limit: int = 1000, kind: str | None = None, province: str | None = None
    ) -> list[DeviceRow]:
        """Devices with an id behind `after`, sorted by id; of a kind: those that ever sent readings under it."""

    async def changes(self, since: int = 0) -> Changes:
        """Give what changed since a revision.

        0 gives all: ingest loads them once and then asks for changes every few seconds.
        """

    async def unclaimed(self, before_ns: int, *, after: str = "", limit: int = 1000) -> list[str]:
        """Devices behind `after` that were first seen before an instant and have neither name nor owner."""

    async def remove(self, devices: Collection[str]) -> None:
        """Take devices out; one that speaks again is registered anew."""

    async def aclose(self) -> None:
        """Close connections."""
