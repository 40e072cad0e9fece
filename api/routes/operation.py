"""Whether the process lives, whether it can work, and its numbers for Prometheus."""

import asyncio
from collections.abc import Mapping
from typing import Final

import msgspec
import structlog
from fastapi import APIRouter, Depends, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from api.dependencies import Check, Injected
from api.problems import Problem
from api.queries import refuse_unknown_parameters
from api.responses import MsgspecResponse, documented, problem
from city.errors import ClockWrong

_log = structlog.get_logger(__name__)
_METRICS: Final = 'korat_api_requests_total{method="GET",route="/v1/latest",status="304"} 4711.0'
_NO_STORE: Final = {"Cache-Control": "no-store"}

router = APIRouter(tags=["operation"], dependencies=[Depends(refuse_unknown_parameters)])


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
    return MsgspecResponse(Live("live"), headers=_NO_STORE)


@router.get(
    "/health/ready",
    summary="Can it work?",
    responses=documented(Ready("ready", {"store": "up", "ledger": "up", "broker": "up"}))
    | problem(503, "A part is down: `parts` names the state of each."),
)
async def ready(dependencies: Injected) -> Response:
    """Ask every part; each has about a second."""
    checks: dict[str, Check] = {
        "store": dependencies.store.ping,
        "ledger": dependencies.ledger.ping,
        **dependencies.checks,
    }
    sentences: list[str] = []
    states = await asyncio.gather(
        *(_state(name, check, dependencies.ready_timeout_s, sentences) for name, check in checks.items())
    )
    parts = dict(zip(checks, states, strict=True))
    down = [name for name, state in parts.items() if state == "down"]
    if down:
        raise Problem(
            503,
            "unavailable",
            "; ".join([f"down: {', '.join(down)}", *sentences]),
            {"Retry-After": "5", **_NO_STORE},
            parts=parts,
        )
    return MsgspecResponse(Ready("ready", parts), headers=_NO_STORE)


@router.get(
    "/metrics",
    summary="Metrics of the whole process",
    response_class=PlainTextResponse,
    responses={200: {"description": "Prometheus' text format.", "content": {"text/plain": {"example": _METRICS}}}},
)
async def metrics(dependencies: Injected) -> Response:
    """Show counters and durations of everything that runs in this process, in Prometheus' text format."""
    return Response(generate_latest(dependencies.metrics), media_type=CONTENT_TYPE_PLAIN_0_0_4)


async def _state(name: str, check: Check, timeout_s: float, sentences: list[str]) -> str:
    try:
        async with asyncio.timeout(timeout_s):
            await check()
    except ClockWrong as error:  # the one sentence that holds no address, so all may read it
        sentences.append(str(error))
        return "down"
    except Exception as error:  # noqa: BLE001 - whatever a check raises, its part is down
        _log.warning("a part is down", part=name, error=str(error) or type(error).__name__)
        return "down"
    return "up"
