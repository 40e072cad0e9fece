"""How a raw number of a foreign document, register or recording becomes a value of the catalog."""

import math
from collections.abc import Callable
from functools import cached_property
from typing import Annotated, TypeAlias

from pydantic import PlainValidator, model_validator

from city.catalog import QUANTITIES
from city.errors import Malformed
from city.tables import QuantityKey, Table
from city.units import UNITS, convert


def _marker(value: object) -> str | float:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("what stands for no value is a text or a number")  # noqa: TRY004  pydantic wants this one
    return float(value)


Marker: TypeAlias = Annotated[str | float, PlainValidator(_marker)]
"""What stands for no value: a text, without the blanks around it, or a number."""


class Transform(Table):
    """`value = raw * scale / over + offset`, in `unit`, then turned into the catalog's unit.

    Attributes:
        scale: Factor.
        over: Divisor: 10 for tenths, because 2301 / 10 is 230.1 and 2301 * 0.1 is not.
        offset: Added at last.
        unit: Of the value, a key of `city.units.UNITS`; empty: the catalog's.
    """

    scale: float = 1.0
    over: float = 1.0
    offset: float = 0.0
    unit: str = ""

    @model_validator(mode="after")
    def _finite(self) -> "Transform":
        if not (self.scale and self.over) or not all(map(math.isfinite, (self.scale, self.over, self.offset))):
            raise ValueError("scale, over and offset are finite, and neither scale nor over is 0")
        if self.unit and self.unit not in UNITS:
            raise ValueError(f"no unit {self.unit!r}, only {', '.join(UNITS)}")
        return self

    def check(self, quantity: str) -> None:
        """Look whether the unit measures what the quantity does; any unit does where the catalog lacks it.

        Raises:
            ValueError: It does not.
        """
        try:
            self.converter(quantity)(1.0)
        except Malformed as error:
            raise ValueError(f"{quantity}: {error.detail}") from None

    def converter(self, quantity: str) -> Callable[[float], float]:
        """Make what gives the value, in the catalog's unit of the quantity; the value may be infinite.

        It is made once and called often: attributes of a pydantic model cost several times those of plain objects.
        """
        scale, over, offset, unit = self.scale, self.over, self.offset, self.unit
        row = QUANTITIES.get(quantity)
        if unit and row is not None:
            wanted = row.unit
            return lambda raw: convert(raw * scale / over + offset, unit, wanted)
        return lambda raw: raw * scale / over + offset


class QuantityTransform(Transform):
    """A transform of what measures one quantity.

    Attributes:
        quantity: A key of the catalog, or any well-formed one.
    """

    quantity: QuantityKey

    @cached_property
    def convert(self) -> Callable[[float], float]:
        """Gives the value, in the catalog's unit; it may be infinite."""
        return self.converter(self.quantity)
