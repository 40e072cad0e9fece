"""The process in numbers, for Prometheus."""

from fastapi import APIRouter, Depends, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from api.parameters import refuse_unasked
from api.parts import Behind

router = APIRouter(tags=["operation"], dependencies=[Depends(refuse_unasked)])


@router.get("/metrics", summary="Metrics of the whole process", response_class=PlainTextResponse)
async def metrics(behind: Behind) -> Response:
    """Show counters and durations of everything that runs in this process, in Prometheus' text format."""
    return Response(generate_latest(behind.metrics), media_type=CONTENT_TYPE_PLAIN_0_0_4)
