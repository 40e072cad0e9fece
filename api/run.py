"""The server, inside the process's own event loop."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Mapping
from functools import partial

import structlog
import uvicorn
from prometheus_client import CollectorRegistry

from api.app import build
from api.dependencies import Check
from api.http_protocol import BoundedProtocol, EndedConnections
from api.keys import open_keys
from api.settings import ApiSettings
from city.connections import ConnectionLimits, Connections
from city.errors import ConfigurationError
from city.ledger.port import Ledger
from city.proxies import TrustedProxies
from city.registry.port import Registry
from city.store.port import Store

_GRACE_S = 1
_LAST_S = 0.5
_BACKLOG = 2048
_NEVER_S = 86_400
"""Idle connections are ended by `Connections`."""

_log = structlog.get_logger(__name__)


async def run(
    settings: ApiSettings,
    *,
    store: Store,
    ledger: Ledger,
    registry: Registry,
    checks: Mapping[str, Check],
    metrics: CollectorRegistry,
    stop: asyncio.Event,
) -> None:
    """Serve until `stop` is set or the task is cancelled; then finish within two seconds.

    Requests under way get a second; idle connections are closed at once. Nothing behind the API is closed.

    Raises:
        ConfigurationError: The address can't be listened on, or would be open to other machines.
    """
    keys = open_keys(settings)
    app = build(store, ledger, registry, checks=checks, settings=settings, metrics=metrics, keys=keys)
    listener = await _listen(settings)
    ended = EndedConnections(metrics)
    proxies = TrustedProxies.parse(settings.trusted_proxies)
    connections = Connections(ConnectionLimits(settings.max_connections), ended, proxies=proxies)
    server = _Server(
        uvicorn.Config(
            app,
            http=partial(BoundedProtocol, connections=connections, ended=ended),  # type: ignore[arg-type]
            timeout_keep_alive=_NEVER_S,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    whom = "everybody on this machine" if keys is None else f"{len(keys)} keys"
    _log.info("the API listens", host=settings.host, port=settings.port, open_to=whom)
    serving = asyncio.create_task(server.serve([listener]), name="api-server")
    sweeping = asyncio.create_task(connections.run(), name="api-connections")
    stopping = asyncio.create_task(stop.wait(), name="api-stop")
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        sweeping.cancel()
        server.should_exit = True
        await serving
        await server.abort()


class _Server(uvicorn.Server):
    """Uvicorn without hands on the process's signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone: whoever runs the process sets `stop`."""
        yield

    async def abort(self) -> None:
        """Let cancelled requests come to their end, then drop what their clients didn't take in time."""
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_LAST_S)
        for connection in list(self.server_state.connections):
            transport = connection.transport
            if transport is not None:
                transport.abort()


async def _listen(settings: ApiSettings) -> socket.socket:
    # bound here, because uvicorn leaves the process when the port is taken
    try:
        found = await asyncio.get_running_loop().getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        return socket.create_server((str(address[0]), settings.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigurationError(
            f"api.host, api.port: can't listen on {settings.host}:{settings.port} ({error.strerror or error})"
        ) from None
