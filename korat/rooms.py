"""Each room as a service of a process: how the command line wires settings, stack and rooms together."""

import asyncio

from prometheus_client import CollectorRegistry

import api.run
import gateway.run
import ingest.run
import simulators.publish
from gateway.decoders import decode_origin
from ingest.run import Checks
from korat.process import Service
from korat.settings import Everything
from korat.stack import Stack


def ingest_room(settings: Everything, stack: Stack, metrics: CollectorRegistry, checks: Checks) -> Service:
    """Ingest, over an open stack; its readiness checks and counters are added to those given."""

    async def service(stop: asyncio.Event) -> None:
        await ingest.run.run(
            settings.ingest,
            address=settings.mqtt.address(),
            store=stack.store,
            ledger=stack.ledger,
            registry=stack.registry,
            decode=decode_origin,
            stop=stop,
            metrics=metrics,
            checks=checks,
        )

    return service


def api_room(settings: Everything, stack: Stack, metrics: CollectorRegistry, checks: Checks) -> Service:
    """The API, over an open stack."""

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

    async def service(stop: asyncio.Event) -> None:
        settings.data.mkdir(parents=True, exist_ok=True)
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

    async def service(stop: asyncio.Event) -> None:
        await simulators.publish.run(
            settings.simulators, province=settings.city.province, address=settings.mqtt.address(), stop=stop
        )

    return service
