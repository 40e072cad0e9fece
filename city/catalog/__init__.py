"""What can be measured, in which unit, and by which kind of device."""

from city.catalog.kinds import KINDS, Kind, Workstream
from city.catalog.quantities import QUANTITIES, Fold, Quantity

__all__ = ["KINDS", "QUANTITIES", "Fold", "Kind", "Quantity", "Workstream"]
