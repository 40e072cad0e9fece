"""What can be measured, in which unit, and by which kind of device; and what becomes of a reading."""

from typing import Final

import msgspec
from fastapi import APIRouter, Depends, Response

from api.queries import refuse_unknown_parameters
from api.responses import NOT_MODIFIED, MsgspecResponse, documented
from city.catalog import KINDS, QUANTITIES, Kind, Quantity
from city.outcomes import OUTCOMES

router = APIRouter(tags=["catalog"], dependencies=[Depends(refuse_unknown_parameters)])


class Label(msgspec.Struct, frozen=True):
    """What people call it, in English and Thai."""

    en: str
    th: str


class QuantityBody(msgspec.Struct, frozen=True):
    """A quantity: UCUM unit, plausible range (both ends inclusive, in `unit`), digits that mean something, aggregate.

    `symbol` is the unit as people write it, empty where there is none. `boolean` tells that values are states, 0 for
    no and 1 for yes.
    """

    key: str
    unit: str
    symbol: str
    label: Label
    low: float
    high: float
    decimals: int
    aggregate: str
    boolean: bool

    @classmethod
    def from_row(cls, row: Quantity) -> "QuantityBody":
        """Copy what clients need of the catalog's row; Grafana's unit id stays inside."""
        label = Label(row.en, row.th)
        return cls(row.key, row.unit, row.symbol, label, row.low, row.high, row.decimals, row.aggregate, row.boolean)


class KindBody(msgspec.Struct, frozen=True):
    """A kind of device: what it usually measures, and how many seconds lie between two readings."""

    key: str
    workstream: str
    label: Label
    quantities: tuple[str, ...]
    cadence_s: int

    @classmethod
    def from_row(cls, row: Kind) -> "KindBody":
        """Copy the catalog's row, both labels in one object."""
        return cls(row.key, row.workstream, Label(row.en, row.th), row.quantities, row.cadence_s)


class Catalog(msgspec.Struct, frozen=True):
    """All kinds and quantities; `outcomes` are what becomes of a reading that was received, as the ledger counts it."""

    kinds: list[KindBody]
    quantities: list[QuantityBody]
    outcomes: tuple[str, ...] = OUTCOMES


_CATALOG: Final = Catalog(
    list(map(KindBody.from_row, KINDS.values())), list(map(QuantityBody.from_row, QUANTITIES.values()))
)
_EXAMPLE: Final = Catalog(_CATALOG.kinds[:1], _CATALOG.quantities[:2])


@router.get("/v1/catalog", summary="Kinds and quantities", responses=documented(_EXAMPLE) | NOT_MODIFIED)
async def catalog() -> Response:
    """List every kind and quantity; any other quantity is stored as well, without unit and range."""
    return MsgspecResponse(_CATALOG)
