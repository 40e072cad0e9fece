"""The app, put together."""

from collections.abc import Mapping
from importlib.metadata import version

from prometheus_client import CollectorRegistry

from api import problems
from api.conditional import Conditional
from api.dependencies import Check, Dependencies
from api.encoding import Compressed
from api.guard import Guard
from api.keys import KeyCheck, Keys
from api.latest_snapshots import LatestSnapshots
from api.metrics_middleware import MetricsMiddleware
from api.open_site import OpenSiteCheck
from api.openapi import DESCRIPTION, Api
from api.responses import MsgspecResponse, problem
from api.routes import ROUTERS, console
from api.settings import ApiSettings
from city.ledger.port import Ledger
from city.proxies import TrustedProxies
from city.registry.port import Registry
from city.site import OpenSite
from city.store.port import Store

_SMALL = 1000
_FAST = 4


def build(
    store: Store,
    ledger: Ledger,
    registry: Registry,
    *,
    checks: Mapping[str, Check],
    settings: ApiSettings,
    metrics: CollectorRegistry,
    keys: Keys | None = None,
) -> Api:
    """Make the app over an open store, ledger and registry; it closes none of them.

    Args:
        store: Readings.
        ledger: What became of them.
        registry: Devices.
        checks: Further parts for `/health/ready`, such as the broker: each returns when it works, raises when not.
        settings: The room's settings.
        metrics: What `/metrics` shows; the API adds its own, so each registry serves one app.
        keys: Who may ask; None: everybody.
    """
    app = Api(
        title="Korat",
        version=version("korat"),
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        default_response_class=MsgspecResponse,
        responses=problem("default", "A problem (RFC 9457)."),
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.dependencies = Dependencies(
        store, ledger, registry, checks, settings.ready_timeout_s, metrics, LatestSnapshots(store)
    )
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(console.make_router(settings))
    # the last one added is the outermost
    app.add_middleware(Conditional)
    app.add_middleware(Compressed, minimum_size=_SMALL, compresslevel=_FAST)
    if keys is not None:
        app.add_middleware(KeyCheck, keys=keys)
    else:
        app.add_middleware(OpenSiteCheck, site=OpenSite.parse(settings.allowed_hosts))
    app.add_middleware(
        Guard,
        deadline_s=settings.deadline_s,
        proxies=TrustedProxies.parse(settings.trusted_proxies),
        of_client=settings.max_connections // 2,
    )
    app.add_middleware(MetricsMiddleware, metrics=metrics)
    return app
