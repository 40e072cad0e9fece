"""The registry port. Devices register themselves: the ledger's settlement inserts them when first seen."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

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
        district: Empty until somebody says it.
        owner: Id of the owner; empty where nobody owns it.
        gateway: Gateway that first brought it; empty for a direct device.
        status: DISCOVERED until somebody names it.
        name: What people call it; empty until named.
        first_seen_ns: Nanoseconds UTC.
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


class Registry(Protocol):
    """Reads of the device table. All calls raise LedgerUnavailable when the database is down."""

    async def device(self, device: str) -> DeviceRow | None:
        """One device, or None."""

    async def devices(
        self, *, after: str = "", most: int = 1000, kind: str | None = None, province: str | None = None
    ) -> list[DeviceRow]:
        """Devices with an id behind `after`, sorted by id."""

    async def places(self, since: int = 0) -> tuple[dict[str, Place], int]:
        """Place of each device changed since a revision, and the revision to ask from next time.

        0 gives all: ingest loads them once and then asks for changes every few seconds.
        """

    async def aclose(self) -> None:
        """Close connections."""
