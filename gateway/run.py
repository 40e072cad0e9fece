"""The whole gateway: spool, relay and inputs, started and stopped in the right order."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from city import topics
from city.errors import KoratError
from city.mqtt import Address, Session, Subscription
from city.secret import read_key
from city.settings import named
from gateway.config import find_config, names_file
from gateway.health import HealthMonitor
from gateway.inputs.input import InputContext, InputCounters
from gateway.inputs.mqtt import refuse_overlaps
from gateway.inputs.supervisor import open_inputs
from gateway.naming import Decoding
from gateway.naming.kept_names import begin, ids_of
from gateway.outbox.relay import Relay, RelayConfig
from gateway.outbox.spool import Spool
from gateway.outbox.status_publisher import will
from gateway.settings import GatewaySettings

_log = structlog.get_logger(__name__)


async def run(settings: GatewaySettings, *, province: str, address: Address, data: Path, stop: asyncio.Event) -> None:
    """Run until `stop` is set, then end within about two seconds: inputs first, the spool last.

    Args:
        settings: The gateway's own.
        province: ISO 3166-2 in lower case.
        address: The city's broker.
        data: Folder that the spool's path is relative to.
        stop: Ends it when set.

    Raises:
        ConfigurationError: A setting or name doesn't fit: the port is taken, the spool is another gateway's.
        Broken: The spool is damaged.
    """
    config = find_config(settings, data)
    kept = names_file(settings, data)
    begin(kept, data / settings.spool, None)
    inputs = config.complete(settings, data)
    refuse_overlaps(inputs, address)
    _log.info("inputs", names=[table.name for table in inputs if table.is_on()])
    decoding = Decoding(config.naming, ids=ids_of(kept, config.naming))
    counters: dict[str, InputCounters] = {}
    worker = ThreadPoolExecutor(1, thread_name_prefix="spool")
    try:
        async with (
            _open_spool(settings, data, worker) as spool,
            _open_session(settings, province, address) as session,
        ):
            relay = Relay(
                spool, worker, session, province=province, gateway=settings.id, config=_relay_config(settings)
            )
            async with asyncio.TaskGroup() as tasks:
                relaying = tasks.create_task(relay.run(), name="relay")
                monitor = HealthMonitor(settings.id, spool, worker, relay, decoding, counters)
                watching = tasks.create_task(monitor.run(settings.self_metrics_interval_s), name="health")

                def context(name: str) -> InputContext:
                    return InputContext(
                        counters=counters.setdefault(name, InputCounters(name)),
                        decoding=decoding,
                        accept=relay.accept,
                        refusal=lambda: relay.status.refusal,
                        data=data,
                        config=config.folder,
                        spool=data / settings.spool,
                        broker=address,
                        client_id=f"korat-gateway-link-{province}-{settings.id}",
                    )

                async with open_inputs(inputs, context, tasks):
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


def _relay_config(settings: GatewaySettings) -> RelayConfig:
    return RelayConfig(
        pack_readings=settings.pack_readings,
        pack_age_s=settings.pack_age_ms / 1000,
        max_inflight_packs=settings.max_inflight_packs,
        resend_s=settings.resend_s,
        receipt_key=read_key(settings.receipt_key_file, named(GatewaySettings, "receipt_key_file")),
    )


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Pick what to say out of what broke together: our own sentence if there is one."""
    ours = group.subgroup(KoratError)
    found: BaseException = ours or group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
