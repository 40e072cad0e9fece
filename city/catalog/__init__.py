"""What can be measured, in which unit, and by which kind of device."""

from city.catalog.kinds import FIELD_KINDS, KINDS, PLATFORM, Kind, Workstream
from city.catalog.quantities import QUANTITIES, Aggregate, Quantity

__all__ = ["FIELD_KINDS", "KINDS", "PLATFORM", "QUANTITIES", "Aggregate", "Kind", "Quantity", "Workstream"]
