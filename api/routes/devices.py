"""The devices that ever spoke."""

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from api.dependencies import Injected
from api.problems import unknown
from api.queries import DevicePath, KindKey, PageQuery, Province, refuse_unknown_parameters
from api.responses import NOT_MODIFIED, MsgspecResponse, documented, problem
from api.times import rfc3339
from city.registry.port import DeviceRow

router = APIRouter(tags=["devices"], dependencies=[Depends(refuse_unknown_parameters)])


class Device(msgspec.Struct, frozen=True):
    """A device as the registry knows it; null where nobody said.

    `kind` is the one under which it was first heard, `kinds` are all: a truck with probes is a vehicle and cargo.
    """

    device: str
    kind: str
    kinds: tuple[str, ...]
    province: str
    district: str | None
    owner: str | None
    gateway: str | None
    status: str
    name: str | None
    first_seen: str

    @classmethod
    def from_row(cls, row: DeviceRow) -> "Device":
        """Copy the registry's row: empty texts become null, times RFC 3339."""
        return cls(
            device=row.device,
            kind=row.kind,
            kinds=row.kinds,
            province=row.province,
            district=row.district or None,
            owner=row.owner or None,
            gateway=row.gateway or None,
            status=row.status,
            name=row.name or None,
            first_seen=rfc3339(row.first_seen_ns),
        )


class DevicePage(msgspec.Struct, frozen=True):
    """Devices sorted by id; `next` is the cursor of the page behind it, or null."""

    devices: list[Device]
    next: str | None


class DevicesPageQuery(PageQuery):
    """Filters of `/v1/devices`."""

    kind: Annotated[
        KindKey | None, Field(description="Only those that were ever heard as this kind.", examples=["air_quality"])
    ] = None
    province: Annotated[
        Province | None, Field(description="Only of this province (ISO 3166-2, lower case).", examples=["th-30"])
    ] = None
    limit: Annotated[int, Field(ge=1, le=1000, description="Most devices on a page.", examples=[100])] = 1000


EXAMPLE: Final = Device(
    "nma-air-001",
    "air_quality",
    ("air_quality",),
    "th-30",
    "mueang",
    None,
    "gw-1",
    "active",
    "Suranaree",
    "2026-01-15T00:00:00Z",
)


@router.get("/v1/devices", summary="All devices", responses=documented(DevicePage([EXAMPLE], None)) | NOT_MODIFIED)
async def devices(query: Annotated[DevicesPageQuery, Query()], dependencies: Injected) -> Response:
    """List the devices; they register themselves when they are first heard."""
    rows = await dependencies.registry.devices(
        after=query.follow(str) or "", limit=query.limit + 1, kind=query.kind, province=query.province
    )
    page = rows[: query.limit]
    following = query.next(page[-1].device) if len(rows) > len(page) else None
    return MsgspecResponse(DevicePage([Device.from_row(row) for row in page], following))


@router.get(
    "/v1/devices/{device}",
    summary="One device",
    responses=documented(EXAMPLE) | NOT_MODIFIED | problem(404, "There is no such device."),
)
async def device(device: DevicePath, dependencies: Injected) -> Response:
    """Show one device."""
    row = await dependencies.registry.device(device)
    if row is None:
        raise unknown("device", device)
    return MsgspecResponse(Device.from_row(row))
