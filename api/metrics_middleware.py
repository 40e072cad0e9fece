"""How many requests each route answers, and how long it takes."""

import time
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NO_ROUTE: Final = "none"


class MetricsMiddleware:
    """Middleware: counts by method, route template and status; an address that no route knows counts as `none`."""

    def __init__(self, app: ASGIApp, *, metrics: CollectorRegistry) -> None:
        self._app = app
        self._requests = Counter(
            "korat_api_requests", "Requests answered.", ("method", "route", "status"), registry=metrics
        )
        self._seconds = Histogram(
            "korat_api_request_seconds", "Time until a request was answered.", ("method", "route"), registry=metrics
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count a request and time it, also one that breaks."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # counted as broken unless an answer begins
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = scope["method"] if scope["method"] in _METHODS else "other"
        began = time.perf_counter()
        try:
            await self._app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", _NO_ROUTE)
            self._requests.labels(method, route, str(status)).inc()
            self._seconds.labels(method, route).observe(time.perf_counter() - began)
