"""Readings over time, raw or aggregated."""

from itertools import product
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field, model_validator

from api.dependencies import Injected
from api.limits import MAX_DEVICES, MAX_QUANTITIES, refuse_too_long, table
from api.problems import unknown
from api.queries import DeviceId, KindKey, PageQuery, refuse_unknown_parameters
from api.responses import NOT_MODIFIED, MsgspecResponse, documented, problem
from api.times import HOUR, Instant, Width, now_ns, rfc3339
from city.catalog import KINDS, QUANTITIES, Aggregate
from city.reading import QUANTITY_PATTERN, Flag
from city.registry.port import Registry
from city.store import layout
from city.store.port import ALL, MAX_POINTS, Only, Series, SeriesQuery

router = APIRouter(tags=["readings"], dependencies=[Depends(refuse_unknown_parameters)])

QuantityKey = Annotated[str, Field(pattern=f"^{QUANTITY_PATTERN.pattern}$", max_length=48)]


class SeriesBody(msgspec.Struct, frozen=True):
    """One quantity of one device, as one kind.

    `points` are `[time, value, flag]`, rising in time: raw values with their QARTOD flag, or the start of each bucket
    with the aggregated value and the worst flag that entered it. `completeness` is the share of the expected samples
    that is there and hasn't failed, `worst_flag` the worst flag of any value, both over the part of the range that this
    page covers. `unit` is a UCUM code, null where the catalog lacks it.
    """

    device: str
    quantity: str
    kind: str
    unit: str | None
    points: list[tuple[str, float, int]]
    completeness: float
    worst_flag: int


class Readings(msgspec.Struct, frozen=True):
    """Series sorted by device, quantity and kind; `next` is the cursor of the page behind it, or null."""

    series: list[SeriesBody]
    next: str | None


class ReadingsPageQuery(PageQuery):
    """Series, range and buckets of `/v1/readings`."""

    device: Annotated[
        list[DeviceId],
        Field(min_length=1, max_length=MAX_DEVICES, description="Of these devices.", examples=[["nma-air-001"]]),
    ]
    quantity: Annotated[
        list[QuantityKey],
        Field(
            default_factory=list,
            max_length=MAX_QUANTITIES,
            description="Of these quantities (or lat and lon); without it all that the devices measure. One that a "
            "device doesn't measure gives an empty series.",
            examples=[["pm2_5", "pm10"]],
        ),
    ]
    kind: Annotated[
        list[KindKey],
        Field(
            default_factory=list,
            max_length=len(KINDS),
            description="Only as measured under these kinds: a truck with probes is a vehicle and cargo.",
            examples=[["cargo"]],
        ),
    ]
    start: Annotated[
        Instant | None,
        Field(
            description="First instant, inclusive; an hour before `end` if absent.", examples=["2026-01-15T00:00:00Z"]
        ),
    ] = None
    end: Annotated[
        Instant | None, Field(description="End, exclusive; now if absent.", examples=["2026-01-15T06:00:00Z"])
    ] = None
    every: Annotated[
        Width | None,
        Field(
            description="Width of a bucket (s, m, h, d), aligned to 1970-01-01T00:00:00Z; raw values if absent.",
            examples=["5m"],
        ),
    ] = None
    aggregate: Annotated[
        Aggregate | None, Field(description="How a bucket becomes one value; mean if absent.", examples=["mean"])
    ] = None
    limit: Annotated[
        int, Field(ge=1, le=MAX_POINTS, description="Most points on a page, of all series.", examples=[1000])
    ] = 10_000

    @model_validator(mode="after")
    def _whole(self) -> "ReadingsPageQuery":
        if self.aggregate is not None and self.every is None:
            raise ValueError("aggregate needs every")
        return self


EXAMPLE: Final = Readings(
    [
        SeriesBody(
            "nma-air-001",
            "pm2_5",
            "air_quality",
            QUANTITIES["pm2_5"].unit,
            [("2026-01-15T00:00:00Z", 18.2, 1), ("2026-01-15T00:01:00Z", 18.4, 1)],
            1.0,
            1,
        )
    ],
    None,
)


@router.get(
    "/v1/readings",
    summary="Readings over time",
    description=f"Give values over time; an answer with more points than `limit` has a `next`.\n\n{table()}",
    responses=documented(EXAMPLE) | NOT_MODIFIED | problem(404, "There is no such device."),
)
async def readings(query: Annotated[ReadingsPageQuery, Query()], dependencies: Injected) -> Response:
    """Give values over time."""
    start_ns, end_ns = _range(query)
    refuse_too_long(start_ns, end_ns, query.every)
    kinds = await _kinds(dependencies.registry, query)
    answer = await dependencies.store.series(
        SeriesQuery(
            devices=kinds,
            quantities=Only(frozenset(query.quantity)) if query.quantity else ALL,
            start_ns=start_ns,
            end_ns=end_ns,
            every_ns=query.every,
            aggregate=query.aggregate or Aggregate.MEAN,
            max_points=query.limit,
        )
    )
    following = None if answer.next_ns is None else query.next((answer.next_ns, end_ns))
    return MsgspecResponse(Readings(_spelled(answer.series, query, kinds), following))


def _range(query: ReadingsPageQuery) -> tuple[int, int]:
    # the cursor carries the end, so that all pages of "until now" mean the same now
    page = query.follow(tuple[int, int])
    if page is not None:
        return page
    end_ns = now_ns() if query.end is None else query.end
    return (end_ns - HOUR if query.start is None else query.start), end_ns


async def _kinds(registry: Registry, query: ReadingsPageQuery) -> dict[str, tuple[str, ...]]:
    """Say under which kinds each device is asked for."""
    devices = dict.fromkeys(query.device)
    found = await registry.find(devices)
    for device in devices:
        if device not in found:
            raise unknown("device", device)
    return {device: tuple(query.kind) or found[device].kinds for device in devices}


def _spelled(found: list[Series], query: ReadingsPageQuery, kinds: dict[str, tuple[str, ...]]) -> list[SeriesBody]:
    bodies = {
        key: SeriesBody(*key, _unit(key[1]), [], 0.0, Flag.MISSING)
        for device, quantity in product(kinds, query.quantity)
        for key in _expected(device, quantity, kinds[device])
    }
    for series in found:
        points = [(rfc3339(time_ns), value, flag) for time_ns, value, flag in series.points]
        key = series.device, series.quantity, series.kind
        bodies[key] = SeriesBody(*key, _unit(series.quantity), points, series.completeness, series.worst_flag)
    return [bodies[key] for key in sorted(bodies)]


def _expected(device: str, quantity: str, kinds: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """Name the series that all pages have, be they empty: of each kind that measures it, else of the first."""
    return [(device, quantity, kind) for kind in kinds if quantity in KINDS[kind].quantities] or [
        (device, quantity, kinds[0])
    ]


def _unit(quantity: str) -> str | None:
    if quantity in layout.POSITION:
        return "deg"
    return QUANTITIES[quantity].unit if quantity in QUANTITIES else None
