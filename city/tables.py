"""Tables of our own TOML files: one base, one parser, and one sentence for what is wrong with them."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, TypeAlias, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from city.catalog import KINDS
from city.errors import ConfigurationError, Malformed, did_you_mean
from city.reading import checked_id, checked_quantity

_BARE_KEY: Final = re.compile(r"[\w-]+")


class Table(BaseModel):
    """One table; unknown keys are refused, and a text is no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


T = TypeVar("T", bound=Table)


def parse_table(model: type[T], given: Mapping[str, Any], where: str) -> T:
    """Check a table, as TOML or JSON gives it.

    Args:
        model: What it must be.
        given: The table.
        where: Begins the sentence: the file.

    Raises:
        ConfigurationError: One sentence that names the key: `gateway.toml: input.modbus[2].port: it must be ...`.
    """
    try:
        return model.model_validate(_with_tuples(given))
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {_sentence(model, error)}") from None


def _with_tuples(thing: Any) -> Any:
    """Make tuples of lists: strict models take no list for a tuple."""
    if isinstance(thing, Mapping):
        return {key: _with_tuples(value) for key, value in thing.items()}
    return tuple(map(_with_tuples, thing)) if isinstance(thing, list | tuple) else thing


def _sentence(model: type[Table], error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = _place(first["loc"])
    if first["type"] == "extra_forbidden":
        key = str(first["loc"][-1])
        owner = _place(first["loc"][:-1])
        meant = did_you_mean(key, _owner(model, first["loc"][:-1]).model_fields) or did_you_mean(key, _keys(model))
        return f"{owner} has no key {key!r}{meant}" if owner else f"there is no key {key!r}{meant}"
    message = first["msg"].removeprefix("Value error, ").replace("Input should", "it must", 1)
    return f"{place}: {message}" if place else message


def _place(location: Iterable[int | str]) -> str:
    """Write where something stands: `input.modbus[2].device[1].kind`, counted from 1."""
    parts = (f"[{part + 1}]" if isinstance(part, int) else f".{_quoted(part)}" for part in location if part != "[key]")
    return "".join(parts).removeprefix(".")


def _quoted(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else f'"{key}"'


def _owner(model: type[Table], location: Iterable[int | str]) -> type[Table]:
    """Find the model whose table stands there."""
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            model = next(iter(_models(model.model_fields[part].annotation)), model)
    return model


def _keys(model: type[Table]) -> frozenset[str]:
    """All keys of a model and of the models in it."""
    found = set(model.model_fields)
    for row in model.model_fields.values():
        for inner in _models(row.annotation):
            found |= _keys(inner)
    return frozenset(found)


def _models(annotation: object) -> list[type[Table]]:
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


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
