"""One language for what foreign numbers and times mean: `[mappings]`, Modbus registers and replay speak it."""

from city.mapping.instants import PER_SECOND, TimeFormat, unix_ns
from city.mapping.transform import Marker, QuantityTransform, Transform

__all__ = ["PER_SECOND", "Marker", "QuantityTransform", "TimeFormat", "Transform", "unix_ns"]
