"""Each room as a service of a process: how the command line wires settings, backends and rooms.

A room is imported when it is asked for: a gateway on a small machine loads no database and no web framework.
"""
# ruff: noqa: PLC0415 - see above

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from city.errors import ConfigurationError
from city.network import is_loopback
from korat.process import Service
from korat.settings import PlatformSettings

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from city.registry import Registry
    from gateway.inputs.http import HttpTable
    from korat.backends import Backends

GATEWAY_PORT: Final = "KORAT_GATEWAY_HTTP_PORT (gateway.http_port, or input.http in gateway.toml)"
"""How a sentence names the port of the gateway's HTTP input."""

ReadinessChecks = dict[str, Callable[[], Awaitable[None]]]
"""Name of a part to what raises with a sentence when it doesn't work."""


def ingest_service(
    settings: PlatformSettings,
    backends: "Backends",
    metrics: "CollectorRegistry",
    checks: ReadinessChecks,
    *,
    leaving: bool = False,
) -> Service:
    """Ingest, over open backends; its readiness checks and counters are added to those given."""
    import ingest.run
    from gateway.config import find_config, names_file
    from gateway.naming import Decoding
    from gateway.naming.kept_names import ids_of

    # what was quarantined is named as the gateway would name it today
    naming = find_config(settings.gateway, settings.data).naming
    decoding = Decoding(naming, ids=ids_of(names_file(settings.gateway, settings.data), naming))

    async def service(stop: asyncio.Event) -> None:
        await ingest.run.run(
            settings.ingest,
            address=settings.mqtt.address(),
            store=backends.store,
            ledger=backends.ledger,
            registry=backends.registry,
            decode=decoding.decode_again,
            stop=stop,
            metrics=metrics,
            checks=checks,
            leaving=leaving,
            retention=settings.retention,
        )

    return service


def api_service(
    settings: PlatformSettings, backends: "Backends", metrics: "CollectorRegistry", checks: ReadinessChecks
) -> Service:
    """The API, over open backends."""
    import api.run

    async def service(stop: asyncio.Event) -> None:
        await api.run.run(
            settings.api,
            store=backends.store,
            ledger=backends.ledger,
            registry=backends.registry,
            checks=checks,
            metrics=metrics,
            stop=stop,
        )

    return service


async def keep_names(settings: PlatformSettings, registry: "Registry") -> None:
    """At the first start after an upgrade, tell the gateway which devices are known: they keep their ids.

    Raises:
        ConfigurationError: The gateway's file of names can't be written.
        LedgerUnavailable: The database is down.
    """
    from gateway.config import names_file
    from gateway.naming.kept_names import begin

    file = names_file(settings.gateway, settings.data)
    if not file.exists():
        begin(file, settings.spool_file, (await registry.changes()).places)


def request_service(settings: PlatformSettings, backends: "Backends") -> Service:
    """What commands ask of the process that owns the data folder."""
    from korat.requests import serve
    from korat.upkeep import ACTIONS

    async def service(stop: asyncio.Event) -> None:
        await serve(settings, backends, ACTIONS, stop)

    return service


def gateway_service(settings: PlatformSettings) -> Service:
    """A gateway, with its spool in the data folder."""
    import gateway.run

    async def service(stop: asyncio.Event) -> None:
        await gateway.run.run(
            settings.gateway,
            province=settings.city.province,
            address=settings.mqtt.address(),
            data=settings.data,
            stop=stop,
        )

    return service


def simulator_service(settings: PlatformSettings) -> Service:
    """The simulated city."""
    import simulators.publish

    async def service(stop: asyncio.Event) -> None:
        await simulators.publish.run(
            settings.simulators, province=settings.city.province, address=settings.mqtt.address(), stop=stop
        )

    return service


def refuse_taken_api(settings: PlatformSettings) -> None:
    """Check, before anything is started, that the API can listen and is not open to other machines.

    Raises:
        ConfigurationError: It can't, or is; the sentence names the key.
    """
    from api.keys import open_keys

    open_keys(settings.api)
    refuse_taken("KORAT_API_PORT (api.port)", settings.api.host, settings.api.port)


def refuse_taken_gateway(settings: PlatformSettings) -> None:
    """Check, before anything is started, that the gateway can listen.

    Raises:
        ConfigurationError: It can't; the sentence names the key.
    """
    refuse_taken(GATEWAY_PORT, *gateway_http(settings))


def gateway_http(settings: PlatformSettings) -> tuple[str, int]:
    """Give host and port of the gateway's first HTTP input, as `gateway.toml` or the settings say.

    Raises:
        ConfigurationError: `gateway.toml` is wrong; the sentence names the key.
    """
    table = _http_table(settings)
    return table.host, table.port


def gateway_has_tokens(settings: PlatformSettings) -> bool:
    """Whether the gateway's first HTTP input asks who pushes to `/ingest`."""
    table = _http_table(settings)
    return bool(table.token) or not is_loopback(table.host)


def _http_table(settings: PlatformSettings) -> "HttpTable":
    from gateway.config import find_config
    from gateway.inputs.http import HttpTable

    inputs = find_config(settings.gateway, settings.data).complete(settings.gateway, settings.data)
    return next(table for table in inputs if isinstance(table, HttpTable))


def refuse_taken(key: str, host: str, port: int) -> None:
    """Refuse an address that can't be listened on; port 0 is the system's choice and always free.

    Args:
        key: How the sentence names the setting.
        host: Name or address of the interface.
        port: TCP port.

    Raises:
        ConfigurationError: It is taken, or not ours to listen on.
    """
    if port == 0:
        return
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            # as the servers do: an old connection that lingers is no reason
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        raise ConfigurationError(
            f"{key}: can't listen on port {port} of {host} ({error.strerror}); free it or choose another"
        ) from None
