"""One language for what foreign numbers and times mean: `[mappings]`, Modbus registers and replay speak it."""

from city.mapping.instants import PER_SECOND, TimeFormat, unix_ns
from city.mapping.order import DatedRow, tell_apart
from city.mapping.transform import Marker, QuantityTransform, Transform

__all__ = ["PER_SECOND", "DatedRow", "Marker", "QuantityTransform", "TimeFormat", "Transform", "tell_apart", "unix_ns"]
