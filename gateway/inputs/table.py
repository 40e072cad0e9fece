"""The base of all `[[link.*]]` tables of the gateway's own file, and the kinds of value that several of them take."""

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from city.catalog import KINDS
from city.errors import Malformed
from city.reading import checked_id, checked_quantity


class Table(BaseModel):
    """One table; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _id(value: str) -> str:
    try:
        return checked_id(value)
    except Malformed as error:
        raise ValueError(error.detail) from None


def _kind(value: str) -> str:
    if value not in KINDS:
        raise ValueError(f"the catalog has no kind {value!r}, only {', '.join(KINDS)}")
    return value


def _quantity(value: str) -> str:
    try:
        return checked_quantity(value)
    except Malformed as error:
        raise ValueError(error.detail) from None


Id: TypeAlias = Annotated[str, AfterValidator(_id)]
Kind: TypeAlias = Annotated[str, AfterValidator(_kind)]
QuantityKey: TypeAlias = Annotated[str, AfterValidator(_quantity)]
Port: TypeAlias = Annotated[int, Field(ge=0, le=65_535)]
Seconds: TypeAlias = Annotated[float, Field(gt=0, le=86_400)]
