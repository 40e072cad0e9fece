"""What a Modbus device's registers mean: rows of settings, merged into few requests, and words turned into values.

Source: Modbus Application Protocol Specification V1.1b3, sections 6.1 to 6.4: at most 125 registers or 2,000 bits in
one request; registers are 16 bits, big-endian. How two or four of them make a larger number is each maker's choice.
"""

import math
import struct
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from city.mapping import QuantityTransform

Space = Literal["holding", "input", "coil", "discrete"]
"""The four tables of a Modbus device."""

_MAX_AT_ONCE: Final[dict[Space, int]] = {"holding": 125, "input": 125, "coil": 2_000, "discrete": 2_000}
_BITS: Final[frozenset[Space]] = frozenset({"coil", "discrete"})
_LAYOUTS: Final = {
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "float32": "f",
    "int64": "q",
    "uint64": "Q",
    "float64": "d",
}


class Register(QuantityTransform):
    """One row of a device's map: where a raw number stands, and what it means (`city.mapping.QuantityTransform`).

    Attributes:
        address: Of its first register or bit, from 0, as it stands in the request.
        space: Which of the four tables it is in.
        type: How the registers make a number; ignored for bits, which are 0 or 1.
        words: Order of the registers of a number that takes several: `big` has the most significant first.
        missing: Raw numbers that say that there is no value; kept as the register's type holds them.
    """

    address: int = Field(ge=0, le=65_535)
    space: Space = "holding"
    type: Literal["int16", "uint16", "int32", "uint32", "float32", "int64", "uint64", "float64"] = "uint16"
    words: Literal["big", "little"] = "big"
    missing: tuple[float, ...] = ()

    @property
    def count(self) -> int:
        """Registers or bits that it takes."""
        return 1 if self.space in _BITS else struct.calcsize(">" + _LAYOUTS[self.type]) // 2

    @field_validator("missing")
    @classmethod
    def _as_sent(cls, value: tuple[float, ...], info: ValidationInfo) -> tuple[float, ...]:
        # no float32 is -9999.9: what a device sends for it is -9999.900390625
        if info.data.get("type") != "float32":
            return value
        try:
            return struct.unpack(f">{len(value)}f", struct.pack(f">{len(value)}f", *value))
        except OverflowError:
            raise ValueError(f"one of {value} is beyond what float32 holds") from None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.address + self.count > 2**16:
            raise ValueError(f"{self.type} at {self.address} ends beyond the last register")
        self.check(self.quantity)
        return self

    def value(self, raw: Sequence[int]) -> float | None:
        """Give the value of its own registers or bit, in the catalog's unit; None for what is none."""
        number = float(raw[0]) if self.space in _BITS else self._number(raw)
        if not math.isfinite(number) or number in self.missing:
            return None
        value = self.convert(number)
        return value if math.isfinite(value) else None

    def _number(self, raw: Sequence[int]) -> float:
        ordered = raw if self.words == "big" else raw[::-1]
        packed = struct.pack(f">{len(ordered)}H", *ordered)
        number: Any = struct.unpack(">" + _LAYOUTS[self.type], packed)[0]
        return float(number)


class Block(NamedTuple):
    """Neighbours that one request reads: a space, an address, how many registers or bits, and their rows."""

    space: Space
    address: int
    size: int
    registers: tuple[Register, ...]

    @property
    def answer_size(self) -> int:
        """Registers or bits that a right answer holds: bits come in whole bytes."""
        return -(-self.size // 8) * 8 if self.space in _BITS else self.size

    def values(self, raw: Sequence[int]) -> dict[str, float]:
        """Give what a whole answer says."""
        values = {}
        for row in self.registers:
            first = row.address - self.address
            value = row.value(raw[first : first + row.count])
            if value is not None:
                values[row.quantity] = value
        return values


def to_blocks(registers: Iterable[Register]) -> list[Block]:
    """Merge neighbours.

    Registers between them that nobody asked for are not read: devices refuse a whole request for one they lack.
    """
    blocks: list[Block] = []
    for row in sorted(registers, key=lambda row: (row.space, row.address, row.count)):
        last = blocks[-1] if blocks else None
        end = row.address + row.count
        if (
            last is not None
            and last.space == row.space
            and row.address <= last.address + last.size
            and end - last.address <= _MAX_AT_ONCE[row.space]
        ):
            size = max(last.size, end - last.address)
            blocks[-1] = Block(last.space, last.address, size, (*last.registers, row))
        else:
            blocks.append(Block(row.space, row.address, row.count, (row,)))
    return blocks
