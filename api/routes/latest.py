"""The newest values, on the map (GeoJSON, RFC 7946)."""

import math
from bisect import bisect_right
from itertools import islice
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BeforeValidator, Field, WithJsonSchema

from api.dependencies import Injected
from api.latest_snapshots import device_kind
from api.problems import unknown
from api.queries import DevicePath, KindKey, PageQuery, refuse_unknown_parameters
from api.responses import NOT_MODIFIED, GeoJsonResponse, documented, problem
from api.times import rfc3339
from city.catalog import KINDS, QUANTITIES
from city.registry.port import DeviceRow
from city.store.port import ALL, Box, Latest, LatestQuery, Only, Value

_MEDIA: Final = "application/geo+json"

router = APIRouter(
    tags=["readings"], dependencies=[Depends(refuse_unknown_parameters)], default_response_class=GeoJsonResponse
)


class Point(msgspec.Struct, tag_field="type", tag="Point", frozen=True):
    """A position: degrees east, then degrees north (WGS 84)."""

    coordinates: tuple[float, float]


class NewestValue(msgspec.Struct, frozen=True):
    """A value with its UCUM unit (null where the catalog lacks the quantity), time and QARTOD flag."""

    value: float
    unit: str | None
    time: str
    flag: int


class Properties(msgspec.Struct, frozen=True):
    """Whose values, and each quantity's newest."""

    device: str
    kind: str
    values: dict[str, NewestValue]


class Feature(msgspec.Struct, tag_field="type", tag="Feature", frozen=True):
    """A device at its newest position; `geometry` is null where none is known."""

    id: str
    geometry: Point | None
    properties: Properties

    @classmethod
    def from_latest(cls, latest: Latest) -> "Feature":
        """Make a feature: each value gets its unit and an RFC 3339 time."""
        place = None if latest.lat is None or latest.lon is None else Point((latest.lon, latest.lat))
        values = {
            key: NewestValue(
                one.value, QUANTITIES[key].unit if key in QUANTITIES else None, rfc3339(one.time_ns), one.flag
            )
            for key, one in sorted(latest.values.items())
        }
        return cls(latest.device, place, Properties(latest.device, latest.kind, values))


class FeatureCollection(msgspec.Struct, tag_field="type", tag="FeatureCollection", frozen=True):
    """Devices sorted by id; `next` is the cursor of the page behind it, or null."""

    features: list[Feature]
    next: str | None


def _box(text: object) -> Box:
    """Read `west,south,east,north`."""
    try:
        west, south, east, north = (float(part) for part in str(text).split(","))
    except ValueError:
        raise ValueError("not west,south,east,north in degrees") from None
    if not all(math.isfinite(edge) for edge in (west, south, east, north)):
        raise ValueError("an edge is not finite")
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):  # noqa: PLR2004 - the globe
        raise ValueError("not on the globe, or south is north of north")
    return Box(west, south, east, north)


class LatestPageQuery(PageQuery):
    """Filters of `/v1/latest`."""

    kind: Annotated[
        list[KindKey],
        Field(default_factory=list, max_length=len(KINDS), description="Only of these kinds.", examples=[["vehicle"]]),
    ]
    bbox: Annotated[
        Box | None,
        BeforeValidator(_box),
        WithJsonSchema({"type": "string", "maxLength": 200, "examples": ["101.9,14.8,102.3,15.1"]}),
        Field(
            description="Only inside west,south,east,north (degrees, edges included); west > east crosses the date "
            "line. Devices without a position are left out."
        ),
    ] = None
    limit: Annotated[int, Field(ge=1, le=1000, description="Most devices on a page.", examples=[100])] = 1000


EXAMPLE: Final = Feature(
    "nma-air-001",
    Point((102.1, 14.97)),
    Properties(
        "nma-air-001", "air_quality", {"pm2_5": NewestValue(18.2, QUANTITIES["pm2_5"].unit, "2026-01-15T00:00:00Z", 1)}
    ),
)


@router.get(
    "/v1/latest",
    summary="Newest values of all devices",
    responses=documented(FeatureCollection([EXAMPLE], None), media=_MEDIA) | NOT_MODIFIED,
)
async def latest(query: Annotated[LatestPageQuery, Query()], dependencies: Injected) -> Response:
    """Give the newest value of everything that each device measures."""
    after = query.follow(tuple[str, str]) or ("", "")
    kinds = Only(frozenset(query.kind)) if query.kind else ALL
    rows = await dependencies.latest.rows(kinds)
    rest = islice(rows, bisect_right(rows, after, key=device_kind), None)
    page = list(islice((row for row in rest if _inside(row, query.bbox)), query.limit + 1))
    following = query.next(device_kind(page[query.limit - 1])) if len(page) > query.limit else None
    del page[query.limit :]
    return GeoJsonResponse(FeatureCollection([Feature.from_latest(row) for row in page], following))


@router.get(
    "/v1/devices/{device}/latest",
    summary="Newest values of one device",
    responses=documented(EXAMPLE, media=_MEDIA) | NOT_MODIFIED | problem(404, "There is no such device."),
)
async def latest_of_device(device: DevicePath, dependencies: Injected) -> Response:
    """Give the newest value of everything that one device measures."""
    row = await dependencies.registry.device(device)
    if row is None:
        raise unknown("device", device)
    found = await dependencies.store.latest(LatestQuery(devices=Only.of(device)))
    return GeoJsonResponse(Feature.from_latest(_together(found, row)))


def _together(found: list[Latest], row: DeviceRow) -> Latest:
    """Join what a device measures under all its kinds; it counts as what it was last, in doubt as its first."""
    rising = sorted(found, key=lambda latest: (latest.time_ns, latest.kind == row.kind))
    values: dict[str, Value] = {}
    for latest in rising:
        values |= {
            key: one for key, one in latest.values.items() if key not in values or one.time_ns >= values[key].time_ns
        }
    place = next(((latest.lat, latest.lon) for latest in reversed(rising) if latest.lat is not None), (None, None))
    return Latest(row.device, rising[-1].kind if rising else row.kind, values, *place)


def _inside(row: Latest, box: Box | None) -> bool:
    return box is None or (row.lat is not None and row.lon is not None and box.holds(row.lat, row.lon))
