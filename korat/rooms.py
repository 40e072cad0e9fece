"""Each room as a service of a process: how the command line wires settings, stack and rooms together.

A room is imported when it is asked for: a gateway on a small machine loads no database and no web framework.
"""
# ruff: noqa: PLC0415 - see above

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from korat.ports import refuse_taken
from korat.process import Service
from korat.settings import Everything

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from korat.stack import Stack

Checks = dict[str, Callable[[], Awaitable[None]]]
"""Name of a part to what raises with a sentence when it doesn't work."""


def ingest_room(
    settings: Everything, stack: "Stack", metrics: "CollectorRegistry", checks: Checks, *, leaving: bool = False
) -> Service:
    """Ingest, over an open stack; its readiness checks and counters are added to those given."""
    import ingest.run
    from gateway.naming import Decoding, find_naming

    # what was quarantined is named as the gateway would name it today
    decoding = Decoding(find_naming(settings.gateway, settings.data))

    async def service(stop: asyncio.Event) -> None:
        await ingest.run.run(
            settings.ingest,
            address=settings.mqtt.address(),
            store=stack.store,
            ledger=stack.ledger,
            registry=stack.registry,
            decode=decoding.decode_again,
            stop=stop,
            metrics=metrics,
            checks=checks,
            leaving=leaving,
        )

    return service


def api_room(settings: Everything, stack: "Stack", metrics: "CollectorRegistry", checks: Checks) -> Service:
    """The API, over an open stack."""
    import api.run

    async def service(stop: asyncio.Event) -> None:
        await api.run.run(
            settings.api,
            store=stack.store,
            ledger=stack.ledger,
            registry=stack.registry,
            checks=checks,
            metrics=metrics,
            stop=stop,
        )

    return service


def gateway_room(settings: Everything) -> Service:
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


def simulator_room(settings: Everything) -> Service:
    """The simulated city."""
    import simulators.publish

    async def service(stop: asyncio.Event) -> None:
        await simulators.publish.run(
            settings.simulators, province=settings.city.province, address=settings.mqtt.address(), stop=stop
        )

    return service


def refuse_taken_api(settings: Everything) -> None:
    """Look before anything is started whether the API can listen, and is not open to other machines.

    Raises:
        ConfigurationError: It can't, or is; the sentence names the key.
    """
    from api.keys import open_keys

    open_keys(settings.api)
    refuse_taken("KORAT_API_PORT (api.port)", settings.api.host, settings.api.port)


def refuse_taken_gateway(settings: Everything) -> None:
    """Look before anything is started whether the gateway can listen.

    Raises:
        ConfigurationError: It can't; the sentence names the key.
    """
    refuse_taken("KORAT_GATEWAY_HTTP_PORT (gateway.http_port)", settings.gateway.http_host, settings.gateway.http_port)
