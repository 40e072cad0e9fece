"""What can be measured, in which unit, and by which kind of device."""

from city.catalog.kinds import FIELD_KINDS, KINDS, NAMED_KINDS, PLATFORM, SENSOR, Kind, Workstream
from city.catalog.quantities import QUANTITIES, Aggregate, Quantity

__all__ = [
    "FIELD_KINDS",
    "KINDS",
    "NAMED_KINDS",
    "PLATFORM",
    "QUANTITIES",
    "SENSOR",
    "Aggregate",
    "Kind",
    "Quantity",
    "Workstream",
]
