"""What could not be understood or failed a hard check, byte for byte."""

import base64
from typing import Annotated, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.dependencies import Injected
from api.limits import MAX_IDS, MAX_PAGE_BYTES
from api.queries import PageQuery, refuse_unknown_parameters
from api.responses import NOT_MODIFIED, MsgspecResponse, documented
from api.times import rfc3339
from city.errors import Reason
from city.ledger.port import QuarantineRow, QuarantineState

_LONGEST_TEXT: Final = 2048

router = APIRouter(tags=["quarantine"], dependencies=[Depends(refuse_unknown_parameters)])


class Held(msgspec.Struct, frozen=True):
    """A quarantined payload.

    `payload` is base64; `text` is the same where it is short UTF-8, else null. `readings` is how many it counts as in
    the ledger. `gateway` is null for a device that publishes itself, `device` where it can't be told. `tries` counts
    the times it was tried again and failed.
    """

    id: int
    received: str
    topic: str
    reason: str
    detail: str
    gateway: str | None
    device: str | None
    origin: str | None
    readings: int
    state: str
    tries: int
    payload: str
    text: str | None

    @classmethod
    def from_row(cls, row: QuarantineRow) -> "Held":
        """Copy the ledger's row: empty texts become null, the payload base64."""
        item = row.quarantined
        return cls(
            id=row.id,
            received=rfc3339(item.received_ns),
            topic=item.topic,
            reason=item.reason,
            detail=item.detail,
            gateway=item.source.gateway or None,
            device=item.source.device or None,
            origin=item.origin or None,
            readings=item.readings,
            state=row.state,
            tries=row.tries,
            payload=base64.b64encode(item.payload).decode(),
            text=_text(item.payload),
        )


class QuarantinePage(msgspec.Struct, frozen=True):
    """Quarantined payloads in the order in which they came; `next` is the cursor of the page behind it, or null."""

    quarantine: list[Held]
    next: str | None


class Requested(msgspec.Struct, frozen=True):
    """How many payloads will be tried again."""

    requested: int


class QuarantinePageQuery(PageQuery):
    """Filters of `/v1/quarantine`."""

    reason: Annotated[Reason | None, Field(description="Only for this reason.", examples=["clock_ahead"])] = None
    state: Annotated[QuarantineState | None, Field(description="Only in this state.", examples=["held"])] = None
    limit: Annotated[
        int, Field(ge=1, le=200, description="Most payloads on a page; large ones make it shorter.", examples=[50])
    ] = 100


class Redrive(BaseModel):
    """Which held payloads to try again: exactly one of `ids`, `reason` and `all`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"ids": [1, 2]}]})

    ids: Annotated[list[Annotated[int, Field(ge=1, lt=2**63)]] | None, Field(min_length=1, max_length=MAX_IDS)] = None
    reason: Reason | None = None
    all: Literal[True] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "Redrive":
        if (self.ids is not None) + (self.reason is not None) + (self.all is not None) != 1:
            raise ValueError("give exactly one of ids, reason and all")
        return self


EXAMPLE: Final = Held(
    id=1,
    received="2026-01-15T00:00:00Z",
    topic="city/th-30/smart_city/air_quality/nma-air-001",
    reason=Reason.NO_VALUES,
    detail="0 values; from 1 to 64 are allowed",
    gateway=None,
    device="nma-air-001",
    origin=None,
    readings=1,
    state=QuarantineState.HELD,
    tries=0,
    payload="eyJ2YWx1ZXMiOnt9fQ==",
    text='{"values":{}}',
)


@router.get(
    "/v1/quarantine", summary="The quarantine", responses=documented(QuarantinePage([EXAMPLE], None)) | NOT_MODIFIED
)
async def quarantine(query: Annotated[QuarantinePageQuery, Query()], dependencies: Injected) -> Response:
    """List what was held back, with the original bytes and the reason."""
    rows = await dependencies.ledger.quarantine(
        after=query.follow(int) or 0, limit=query.limit + 1, state=query.state, reason=query.reason
    )
    page = _bounded(rows[: query.limit])
    following = query.next(page[-1].id) if len(rows) > len(page) else None
    return MsgspecResponse(QuarantinePage([Held.from_row(row) for row in page], following))


@router.post(
    "/v1/quarantine/redrive",
    summary="Try payloads again",
    status_code=202,
    responses=documented(Requested(2), status=202),
)
async def redrive(body: Redrive, dependencies: Injected) -> Response:
    """Ask ingest to try held payloads again, after what was wrong has been mended."""
    return MsgspecResponse(Requested(await dependencies.ledger.request_redrive(body.ids, body.reason)), status_code=202)


def _bounded(rows: list[QuarantineRow]) -> list[QuarantineRow]:
    size = 0
    for number, row in enumerate(rows):
        size += len(row.quarantined.payload)
        if number and size > MAX_PAGE_BYTES:
            return rows[:number]
    return rows


def _text(payload: bytes) -> str | None:
    if len(payload) > _LONGEST_TEXT:
        return None
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return None
