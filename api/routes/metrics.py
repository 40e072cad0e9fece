"""The process in numbers, for Prometheus."""

from typing import Final

from fastapi import APIRouter, Depends, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from api.parameters import refuse_unasked
from api.parts import Behind

router = APIRouter(tags=["operation"], dependencies=[Depends(refuse_unasked)])


_EXAMPLE: Final = 'korat_api_requests_total{method="GET",route="/v1/latest",status="304"} 4711.0'


@router.get(
    "/metrics",
    summary="Metrics of the whole process",
    response_class=PlainTextResponse,
    responses={200: {"description": "Prometheus' text format.", "content": {"text/plain": {"example": _EXAMPLE}}}},
)
async def metrics(behind: Behind) -> Response:
    """Show counters and durations of everything that runs in this process, in Prometheus' text format."""
    return Response(generate_latest(behind.metrics), media_type=CONTENT_TYPE_PLAIN_0_0_4)
