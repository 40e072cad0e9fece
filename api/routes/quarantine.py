"""What could not be understood or failed a hard check, byte for byte."""

import base64
from typing import Annotated, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.dependencies import Injected
from api.limits import MAX_IDS
from api.problems import unknown
from api.queries import PageQuery, refuse_unknown_parameters
from api.responses import NOT_MODIFIED, MsgspecResponse, documented, problem
from api.times import rfc3339
from city.errors import Reason
from city.ledger.port import QuarantineRow, QuarantineState

_LONGEST_TEXT: Final = 2048

router = APIRouter(tags=["quarantine"], dependencies=[Depends(refuse_unknown_parameters)])


class Listed(msgspec.Struct, frozen=True):
    """A row of the quarantine.

    `readings` is how many it counts as in the ledger. `gateway` is null for a device that publishes itself, `device`
    where it can't be told. `tries` counts the times it was tried again and failed. A row in the state `condensed` or
    `expired` stands for `payloads` payloads of `bytes` bytes; `digest` is SHA-256 chained over all of them, else null.
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
    payloads: int
    bytes: int
    digest: str | None

    @classmethod
    def from_row(cls, row: QuarantineRow) -> "Listed":
        """Copy the ledger's row: empty texts become null."""
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
            payloads=row.payloads,
            bytes=row.bytes,
            digest=row.digest or None,
        )


class Payload(msgspec.Struct, frozen=True):
    """The bytes of a row: `payload` is base64; `text` is the same where it is short UTF-8, else null.

    Of a condensed or expired row they are the beginning of the first payload that it stands for.
    """

    id: int
    payload: str
    text: str | None


class QuarantinePage(msgspec.Struct, frozen=True):
    """Rows of the quarantine, the newest first; `next` is the cursor of the page behind it, or null."""

    quarantine: list[Listed]
    next: str | None


class Requested(msgspec.Struct, frozen=True):
    """How many payloads will be tried again."""

    requested: int


class QuarantinePageQuery(PageQuery):
    """Filters of `/v1/quarantine`."""

    reason: Annotated[Reason | None, Field(description="Only for this reason.", examples=["clock_ahead"])] = None
    state: Annotated[QuarantineState | None, Field(description="Only in this state.", examples=["held"])] = None
    limit: Annotated[int, Field(ge=1, le=200, description="Most rows on a page.", examples=[50])] = 100


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


EXAMPLE: Final = Listed(
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
    payloads=1,
    bytes=13,
    digest=None,
)

PAYLOAD_EXAMPLE: Final = Payload(id=1, payload="eyJ2YWx1ZXMiOnt9fQ==", text='{"values":{}}')


@router.get(
    "/v1/quarantine", summary="The quarantine", responses=documented(QuarantinePage([EXAMPLE], None)) | NOT_MODIFIED
)
async def quarantine(query: Annotated[QuarantinePageQuery, Query()], dependencies: Injected) -> Response:
    """List what was held back and why, without the bytes."""
    rows = await dependencies.ledger.quarantine_list(
        before=query.follow(int), limit=query.limit + 1, state=query.state, reason=query.reason
    )
    page = rows[: query.limit]
    following = query.next(page[-1].id) if len(rows) > len(page) else None
    return MsgspecResponse(QuarantinePage([Listed.from_row(row) for row in page], following))


@router.get(
    "/v1/quarantine/{id}",
    summary="The bytes of a row",
    responses=documented(PAYLOAD_EXAMPLE) | NOT_MODIFIED | problem(404, "There is no such row."),
)
async def payload(
    number: Annotated[int, Path(alias="id", ge=1, lt=2**63, description="Number of the row.", examples=[1])],
    dependencies: Injected,
) -> Response:
    """Give the original bytes."""
    row = await dependencies.ledger.quarantine_row(number)
    if row is None:
        raise unknown("row of the quarantine", str(number))
    held = row.quarantined.payload
    return MsgspecResponse(Payload(row.id, base64.b64encode(held).decode(), _text(held)))


@router.post(
    "/v1/quarantine/redrive",
    summary="Try payloads again",
    status_code=202,
    responses=documented(Requested(2), status=202),
)
async def redrive(body: Redrive, dependencies: Injected) -> Response:
    """Ask ingest to try held payloads again, after what was wrong has been mended."""
    return MsgspecResponse(Requested(await dependencies.ledger.request_redrive(body.ids, body.reason)), status_code=202)


def _text(payload: bytes) -> str | None:
    if len(payload) > _LONGEST_TEXT:
        return None
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return None
