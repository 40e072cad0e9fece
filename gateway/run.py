"""The whole gateway: spool, relay and links, started and stopped in the right order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from city import topics
from city.errors import ConfigurationError, KoratError
from city.mqtt import Address, Session, Subscription
from gateway.health import HealthMonitor
from gateway.inputs.configuration import find_links, refuse_unknown_mappings
from gateway.inputs.counters import InputCounters
from gateway.inputs.http import HttpAuth, HttpInput
from gateway.inputs.mqtt import MqttInput, remembered
from gateway.inputs.opening import Count, doors, open_links
from gateway.inputs.routes import Route
from gateway.naming import Decoding, find_naming
from gateway.outbox.relay import Relay, RelayConfig
from gateway.outbox.spool import Spool
from gateway.outbox.status_publisher import will
from gateway.settings import GatewaySettings

_log = structlog.get_logger(__name__)


async def run(settings: GatewaySettings, *, province: str, address: Address, data: Path, stop: asyncio.Event) -> None:
    """Run until `stop` is set, then end within about two seconds: links first, the spool last.

    Args:
        settings: The gateway's own.
        province: ISO 3166-2 in lower case.
        address: The city's broker.
        data: Folder that the spool's path is relative to.
        stop: Set by whoever wants it to end.

    Raises:
        ConfigurationError: A setting or name doesn't fit: the port is taken, the spool is another gateway's.
        Broken: The spool is damaged.
    """
    naming = find_naming(settings, data)
    decoding = Decoding(naming)
    links = find_links(data / settings.naming, asked_for="naming" in settings.model_fields_set)
    routes = [Route.parse(text) for text in settings.mqtt_topics]
    refuse_unknown_mappings([*links.told(), *((each.filter, *each[1:3]) for each in routes)], naming.mappings)
    _log.info("links", **links.shown(), mqtt=[route.filter for route in routes])
    entrance = doors(links, settings.http_host, (data / settings.naming).parent)
    counters: dict[str, InputCounters] = {}

    def count(name: str) -> InputCounters:
        return counters.setdefault(name, InputCounters(name))

    worker = ThreadPoolExecutor(1, thread_name_prefix="spool")
    try:
        async with (
            _open_spool(settings, data, worker) as spool,
            _open_session(settings, province, address) as session,
        ):
            relay = Relay(spool, worker, session, province=province, gateway=settings.id, pace=_pace(settings))
            async with asyncio.TaskGroup() as tasks:
                relaying = tasks.create_task(relay.run(), name="relay")
                watch = HealthMonitor(settings.id, spool, worker, relay, decoding, counters)
                watching = tasks.create_task(watch.run(settings.health_s), name="watch")
                async with (
                    _http(settings, relay, decoding, entrance, count("http")),
                    _mqtt(settings, routes, province, data, address, relay, decoding, tasks, count),
                    open_links(
                        links,
                        relay.accept,
                        decoding.decode,
                        tasks,
                        data=data,
                        count=count,
                        mappings=naming.mappings,
                    ),
                ):
                    await stop.wait()
                watching.cancel()
                relaying.cancel()
            await relay.status.publish_offline()
    except BaseExceptionGroup as group:
        raise _first(group) from None
    finally:
        worker.shutdown()


@asynccontextmanager
async def _open_spool(settings: GatewaySettings, data: Path, worker: ThreadPoolExecutor) -> AsyncIterator[Spool]:
    loop = asyncio.get_running_loop()
    file = data / settings.spool
    spool = await loop.run_in_executor(worker, Spool, file, settings.id, settings.spool_bytes)
    try:
        yield spool
    finally:
        await loop.run_in_executor(worker, spool.close)


def _open_session(settings: GatewaySettings, province: str, address: Address) -> Session:
    return Session(
        address,
        client_id=f"korat-gateway-{province}-{settings.id}",
        subscriptions=[Subscription(topics.receipt(province, settings.id))],
        will=will(topics.status(province, settings.id)),
        name="gateway",
    )


def _pace(settings: GatewaySettings) -> RelayConfig:
    return RelayConfig(
        pack_readings=settings.pack_readings,
        pack_age_s=settings.pack_age_ms / 1000,
        window=settings.window,
        resend_s=settings.resend_s,
    )


@asynccontextmanager
async def _http(
    settings: GatewaySettings, relay: Relay, decoding: Decoding, entrance: HttpAuth, counters: InputCounters
) -> AsyncIterator[None]:
    link = HttpInput(
        relay.accept,
        decoding,
        lambda: relay.status.refusal,
        host=settings.http_host,
        port=settings.http_port,
        most_bytes=settings.http_body_bytes,
        most_waiting=settings.http_waiting,
        doors=entrance,
        counters=counters,
    )
    try:
        await link.open()
        yield
    except OSError as error:
        where = f"{settings.http_host}:{settings.http_port}"
        raise ConfigurationError(f"the gateway can't listen on {where}: {error.strerror}") from None
    finally:
        await link.close()


@asynccontextmanager
async def _mqtt(
    settings: GatewaySettings,
    routes: Sequence[Route],
    province: str,
    data: Path,
    address: Address,
    relay: Relay,
    decoding: Decoding,
    tasks: asyncio.TaskGroup,
    count: Count,
) -> AsyncIterator[None]:
    memory = data / f"{settings.spool}.topics"
    if not routes and not remembered(memory):
        yield
        return
    link = MqttInput(
        relay.accept,
        decoding.decode,
        Address.parse(settings.mqtt_url) if settings.mqtt_url else address,
        routes,
        client_id=f"korat-gateway-link-{province}-{settings.id}",
        memory=memory,
        counters=count("mqtt"),
    )
    linking = tasks.create_task(link.run(), name="mqtt link")
    try:
        yield
    finally:
        linking.cancel()
        await asyncio.wait((linking,))


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Pick what to say out of what broke together: our own sentence if there is one."""
    ours = group.subgroup(KoratError)
    found: BaseException = ours or group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
