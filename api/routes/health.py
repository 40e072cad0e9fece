"""Whether the process lives, and whether it can work."""

import asyncio
from collections.abc import Mapping
from typing import Final

import msgspec
import structlog
from fastapi import APIRouter, Depends, Response

from api.encoded import Encoded, documented, problem
from api.parameters import refuse_unasked
from api.parts import Behind, Check
from api.problems import Problem

_log = structlog.get_logger(__name__)
_NO_STORE: Final = {"Cache-Control": "no-store"}

router = APIRouter(tags=["operation"], dependencies=[Depends(refuse_unasked)])


class Live(msgspec.Struct, frozen=True):
    """The process turns."""

    status: str


class Ready(msgspec.Struct, frozen=True):
    """Every part works; each with its state."""

    status: str
    parts: Mapping[str, str]


@router.get("/health/live", summary="Is the process alive?", responses=documented(Live("live")))
async def live() -> Response:
    """Answer as long as the event loop turns; a supervisor restarts what stops answering."""
    return Encoded(Live("live"), headers=_NO_STORE)


@router.get(
    "/health/ready",
    summary="Can it work?",
    responses=documented(Ready("ready", {"store": "up", "ledger": "up", "broker": "up"}))
    | problem(503, "A part is down: `parts` names the state of each."),
)
async def ready(behind: Behind) -> Response:
    """Ask every part; each has about a second."""
    checks: dict[str, Check] = {"store": behind.store.ping, "ledger": behind.ledger.ping, **behind.checks}
    states = await asyncio.gather(*(_state(name, check, behind.ready_timeout_s) for name, check in checks.items()))
    parts = dict(zip(checks, states, strict=True))
    down = [name for name, state in parts.items() if state == "down"]
    if down:
        raise Problem(503, "unavailable", f"down: {', '.join(down)}", {"Retry-After": "5", **_NO_STORE}, parts=parts)
    return Encoded(Ready("ready", parts), headers=_NO_STORE)


async def _state(name: str, check: Check, timeout_s: float) -> str:
    try:
        async with asyncio.timeout(timeout_s):
            await check()
    except Exception as error:  # noqa: BLE001 - whatever a check raises, its part is down
        _log.warning("a part is down", part=name, error=str(error) or type(error).__name__)
        return "down"
    return "up"
