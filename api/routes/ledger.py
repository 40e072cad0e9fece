"""What was received and what became of it, counted in readings."""

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from api.dependencies import Injected
from api.limits import LEDGER_LONGEST
from api.problems import Problem
from api.queries import PageQuery, refuse_unknown_parameters
from api.responses import NOT_MODIFIED, MsgspecResponse, documented
from api.times import DAY, HOUR, Instant, now_ns, rfc3339, spelled
from city.ledger.port import Account, By
from city.outcomes import Counts

_START, _END = "2026-01-15T00:00:00Z", "2026-01-16T00:00:00Z"

router = APIRouter(tags=["ledger"], dependencies=[Depends(refuse_unknown_parameters)])


class Sums(msgspec.Struct, frozen=True):
    """The eight numbers.

    `received` = `stored` + `merged` + `duplicate` + `quarantined` + `rejected` in the hours asked for; `pending` (at
    gateways, without a receipt yet) and `gaps` (in packs that are missing) are as of now. `merged` shared device, kind
    and instant with a later reading of the same flush.
    """

    received: int
    stored: int
    duplicate: int
    quarantined: int
    rejected: int
    merged: int
    pending: int
    gaps: int


class Total(Sums, frozen=True, kw_only=True):
    """All together; `start` and `end` are the hours that were counted."""

    start: str
    end: str
    balanced: bool


class GatewayAccount(Sums, frozen=True, kw_only=True):
    """One gateway; the empty name stands for all devices that publish themselves."""

    gateway: str


class DeviceAccount(Sums, frozen=True, kw_only=True):
    """One device; the empty name stands for what can't be told a device's."""

    device: str


class GatewayAccounts(msgspec.Struct, frozen=True, tag_field="by", tag="gateway"):
    """Gateways sorted by name; `start` and `end` are the hours that were counted."""

    start: str
    end: str
    accounts: list[GatewayAccount]
    next: str | None


class DeviceAccounts(msgspec.Struct, frozen=True, tag_field="by", tag="device"):
    """Devices sorted by name; `start` and `end` are the hours that were counted."""

    start: str
    end: str
    accounts: list[DeviceAccount]
    next: str | None


class LedgerPageQuery(PageQuery):
    """Hours and grouping of `/v1/ledger`."""

    start: Annotated[
        Instant | None,
        Field(description="Rounded down to the hour; 24 hours before `end` if absent.", examples=[_START]),
    ] = None
    end: Annotated[Instant | None, Field(description="Rounded up to the hour; now if absent.", examples=[_END])] = None
    by: Annotated[By, Field(description="One account of each.", examples=["gateway"])] = By.TOTAL
    limit: Annotated[int, Field(ge=1, le=1000, description="Most accounts on a page.", examples=[100])] = 1000


_TOTAL: Final = Total(1000, 988, 4, 5, 1, 2, 12, 0, start=_START, end=_END, balanced=True)
_GATEWAYS: Final = GatewayAccounts(_START, _END, [GatewayAccount(1000, 988, 4, 5, 1, 2, 12, 0, gateway="gw-1")], None)
_DEVICES: Final = DeviceAccounts(_START, _END, [DeviceAccount(100, 99, 0, 1, 0, 0, 0, 0, device="nma-air-001")], None)


@router.get("/v1/ledger", summary="The ledger", responses=documented(_TOTAL, _GATEWAYS, _DEVICES) | NOT_MODIFIED)
async def ledger(query: Annotated[LedgerPageQuery, Query()], dependencies: Injected) -> Response:
    """Count readings: every one that was received is stored, merged, a duplicate, quarantined or rejected."""
    after, start_ns, end_ns = query.follow(tuple[str, int, int]) or ("", *_hours(query))
    _refuse_impossible(start_ns, end_ns)
    rows = await dependencies.ledger.account(start_ns, end_ns, query.by, after=after, limit=query.limit + 1)
    start, end = rfc3339(start_ns), rfc3339(end_ns)
    if query.by is By.TOTAL:
        total = rows[0] if rows else Account("", Counts())
        return MsgspecResponse(Total(*_sums(total), start=start, end=end, balanced=total.counts.is_balanced()))
    page = rows[: query.limit]
    # an empty `after` means the first page, so what follows the empty key is asked for by a space: less than any id
    following = query.next((page[-1].key or " ", start_ns, end_ns)) if len(rows) > len(page) else None
    if query.by is By.GATEWAY:
        gateways = [GatewayAccount(*_sums(row), gateway=row.key) for row in page]
        return MsgspecResponse(GatewayAccounts(start, end, gateways, following))
    return MsgspecResponse(
        DeviceAccounts(start, end, [DeviceAccount(*_sums(row), device=row.key) for row in page], following)
    )


def _hours(query: LedgerPageQuery) -> tuple[int, int]:
    end_ns = now_ns() if query.end is None else query.end
    start_ns = end_ns - DAY if query.start is None else query.start
    return start_ns // HOUR * HOUR, -(-end_ns // HOUR) * HOUR


def _refuse_impossible(start_ns: int, end_ns: int) -> None:
    if end_ns <= start_ns:
        raise Problem(422, "refused", "end must be later than start")
    if end_ns - start_ns > LEDGER_LONGEST:
        raise Problem(422, "too-large", f"an account may span at most {spelled(LEDGER_LONGEST)}: shorten start to end")


def _sums(row: Account) -> tuple[int, ...]:
    return *msgspec.structs.astuple(row.counts), row.pending, row.gaps
