"""What the queries of several routes share."""

from typing import Annotated, Any, Final, Self, get_origin

from fastapi import Path, Request
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.cursor import Position, seal, unseal
from api.problems import Mistake, Problem
from city.catalog import KINDS
from city.reading import ID_PATTERN
from city.topics import PROVINCE_PATTERN


def _known_kind(key: str) -> str:
    if key not in KINDS:
        raise ValueError(f"there is no kind {key!r}; GET /v1/catalog lists them")
    return key


KindKey = Annotated[
    str, AfterValidator(_known_kind), Field(max_length=64, json_schema_extra={"enum": list[Any](KINDS)})
]
Province = Annotated[str, Field(pattern=f"^{PROVINCE_PATTERN.pattern}$", max_length=6)]
DeviceId = Annotated[str, Field(pattern=f"^{ID_PATTERN.pattern}$", max_length=64)]
DevicePath = Annotated[
    str,
    Path(pattern=f"^{ID_PATTERN.pattern}$", max_length=64, description="Id of the device.", examples=["nma-air-001"]),
]
_CURSOR: Final = "`next` of the page before; only for the same query."


class PageQuery(BaseModel):
    """The query of a route that answers in pages: a frozen model, so that its text seals the cursor."""

    model_config = ConfigDict(frozen=True)

    limit: int
    cursor: Annotated[str | None, Field(max_length=512, description=_CURSOR, examples=["8w7eFpUvc0uqY2FyZ28tMQ"])] = (
        None
    )

    def follow(self, position: type[Position]) -> Position | None:
        """Where this page begins, or None for the first.

        Raises:
            Problem: 400 `bad-cursor`.
        """
        return None if self.cursor is None else unseal(self._asked(), self.cursor, position)

    def next(self, position: object) -> str:
        """Write the cursor of the next page, sealed with this query."""
        return seal(self._asked(), position)

    def _asked(self: Self) -> str:
        return type(self).__name__ + self.model_dump_json(exclude={"limit", "cursor"})


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse query parameters that a route doesn't know, and a single one given twice: a slip must not mean more.

    Raises:
        Problem: 400 `unknown-parameter` or `repeated-parameter`.
    """
    given = [key for key, _ in request.query_params.multi_items()]
    if not given:
        return
    known = _known(request.scope["route"])
    strangers = sorted({key[:64] for key in given if key not in known})
    if strangers:
        allowed = ", ".join(known) or "none"
        raise _slip("unknown-parameter", strangers, f"is no parameter here; there are: {allowed}")
    twice = sorted({key for key in given if not known[key] and given.count(key) > 1})
    if twice:
        raise _slip("repeated-parameter", twice, "is given more than once")


def query_models(route: APIRoute) -> list[type[BaseModel]]:
    """Give the models that a route reads its query by; one without parameters has none."""
    annotations = (parameter.field_info.annotation for parameter in route.dependant.query_params)
    return [model for model in annotations if isinstance(model, type) and issubclass(model, BaseModel)]


def _known(route: APIRoute) -> dict[str, bool]:
    """Names of a route's query parameters, and whether they repeat."""
    return {
        name: get_origin(field.annotation) is list
        for model in query_models(route)
        for name, field in model.model_fields.items()
    }


def _slip(kind: str, names: list[str], what: str) -> Problem:
    mistakes = [Mistake("query", name, what) for name in names]
    return Problem(400, kind, "; ".join(f"{name} {what}" for name in names), errors=mistakes)
