"""How the tables of Decentlab's devices are written: groups of words, and a formula a value."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Final, NamedTuple, TypeAlias

from gateway.decoders.fields import Meaning

Words: TypeAlias = Sequence[int]
Formula: TypeAlias = Callable[[Words], float]
"""From the words of a group to a value; NaN: there is none."""


ZERO: Final = 32_768
"""The word that stands for zero where a value may be negative."""


class Group(NamedTuple):
    """What one flag announces: 16-bit words, and the values that are made of them."""

    layout: Struct
    values: Mapping[str, Formula]


@dataclass(frozen=True)
class Model:
    """One device.

    Attributes:
        kind: Key of the catalog's kind.
        groups: By flag, from the lowest; None: its formula is not known.
        names: Its own names, where they mean something else than the maker's names usually do.
        absent: Field to the values that say "no probe".
        dallas: Fields that are the temperature of a DS18B20.
    """

    kind: str
    groups: Sequence[Group | None]
    names: Mapping[str, Meaning] = field(default_factory=dict)
    absent: Mapping[str, frozenset[float]] = field(default_factory=dict)
    dallas: frozenset[str] = frozenset()


def group(words: int, **values: Formula) -> Group:
    """Write a group."""
    return Group(Struct(f">{words}H"), values)


def plain(word: int, per: float = 1) -> Formula:
    """A word, in steps of which there are `per` in the unit."""
    return lambda x: x[word] / per


def signed(word: int, per: float = 1) -> Formula:
    """A word that stands for zero at 32768."""
    return lambda x: (x[word] - ZERO) / per


def double(word: int, per: float = 1) -> Formula:
    """Two words, the lower one first."""
    return lambda x: (x[word] + x[word + 1] * 65536) / per


def bridge(word: int, span: float = 1) -> Formula:
    """Two words of the 24-bit converter: zero in the middle, `span` at the end."""
    return lambda x: ((x[word] + x[word + 1] * 65536) / 8388608 - 1) * span


def linear(word: int, per: float, start: float) -> Formula:
    """A word in steps, from a start that is not zero."""
    return lambda x: x[word] / per + start


BATTERY: Final = group(1, battery_voltage=plain(0, 1000))
