"""What the routes work with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry

from api.latest_snapshots import LatestSnapshots
from city.ledger.port import Ledger
from city.registry.port import Registry
from city.store.port import Store

Check = Callable[[], Awaitable[None]]
"""Returns when a part of the platform works, raises when it doesn't."""


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Everything behind the API.

    Attributes:
        store: Readings.
        ledger: What became of them.
        registry: Devices.
        checks: Name of a part to its check, for `/health/ready`.
        ready_timeout_s: Seconds that each check has.
        metrics: What `/metrics` shows.
        latest: The newest values, sorted.
    """

    store: Store
    ledger: Ledger
    registry: Registry
    checks: Mapping[str, Check]
    ready_timeout_s: float
    metrics: CollectorRegistry
    latest: LatestSnapshots


async def _of_request(request: Request) -> Dependencies:
    dependencies: Dependencies = request.app.state.dependencies
    return dependencies


Injected = Annotated[Dependencies, Depends(_of_request)]
"""A route's parameter that receives them."""
