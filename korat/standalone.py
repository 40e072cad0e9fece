"""Each room as a process of its own."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from city.errors import ConfigurationError
from korat import readable_secrets, services
from korat.heartbeat import heartbeat
from korat.lock import hold
from korat.process import Process, Service, end_now
from korat.settings import PlatformSettings
from korat.worker_slots import AUTO, Taken, known, take

log = structlog.get_logger("korat")

CONNECT_S: Final = 2.0


async def ingest(settings: PlatformSettings, heartbeat_file: Path | None = None, *, leaving: bool = False) -> None:
    """Run one ingest worker until a signal comes.

    Args:
        settings: All of them.
        heartbeat_file: File to touch as long as all is well.
        leaving: It only settles what the broker holds for it, and has its session forgotten.

    Raises:
        KoratError: It can't start, or failed.
    """
    if leaving:
        await _leave(settings)
        return
    worker, workers = settings.ingest.worker, settings.ingest.workers
    if worker != AUTO:
        if worker.isdecimal() and int(worker) > workers:
            raise ConfigurationError(
                f"KORAT_INGEST_WORKER (ingest.worker): there is no worker {worker} of {workers}; "
                "set KORAT_INGEST_WORKERS (ingest.workers), the same for all workers"
            )
        await _with_backends(settings, "ingest", services.ingest_service, heartbeat_file)
        return
    settings.make_data()
    with take(settings.data / "workers", range(1, workers + 1)) as number:
        log.info("this worker has a number", worker=number)
        await _with_backends(_as_worker(settings, number), "ingest", services.ingest_service, heartbeat_file)


async def _leave(settings: PlatformSettings) -> None:
    """Leave as this worker; of workers that take numbers, as each whose number no process holds."""
    room = partial(services.ingest_service, leaving=True)
    folder, worker = settings.data / "workers", settings.ingest.worker
    if worker != AUTO and not (worker.isdecimal() and int(worker) in known(folder)):
        await _with_backends(settings, "ingest", room, None, unfinished=1)
        return
    for number in known(folder) if worker == AUTO else [int(worker)]:
        try:
            with take(folder, [number]) as name:
                log.info("a worker leaves", worker=name)
                await _with_backends(_as_worker(settings, name), "ingest", room, None, unfinished=1)
        except Taken:
            if worker != AUTO:
                raise ConfigurationError(f"worker {worker} is at work; stop it before it leaves") from None


def _as_worker(settings: PlatformSettings, name: str) -> PlatformSettings:
    return replace(settings, ingest=settings.ingest.model_copy(update={"worker": name}))


async def api(settings: PlatformSettings) -> None:
    """Run the API until a signal comes; its readiness covers store and ledger, all that it can check.

    Raises:
        KoratError: It can't start, or failed.
    """
    services.refuse_taken_api(settings)
    await _with_backends(settings, "api", services.api_service, None)


async def gateway(settings: PlatformSettings) -> None:
    """Run one gateway until a signal comes.

    Raises:
        KoratError: It can't start, or failed.
    """
    settings.make_data()
    readable_secrets.warn(settings)
    services.refuse_taken_gateway(settings)
    log.info(
        "room starts",
        room="gateway",
        id=settings.gateway.id,
        http="{}:{}".format(*services.gateway_http(settings)),
        spool=str(settings.spool_file),
        broker=str(settings.mqtt.address()),
    )
    async with Process(last_resort=end_now) as process:
        process.start("gateway", services.gateway_service(settings))
        await process.until_stopped()


async def simulate(settings: PlatformSettings, heartbeat_file: Path | None = None) -> None:
    """Let the simulated city publish until a signal comes.

    Args:
        settings: All of them.
        heartbeat_file: File to touch as long as it runs.

    Raises:
        KoratError: It can't start, or failed.
    """
    readable_secrets.warn(settings)
    async with Process(last_resort=end_now) as process:
        await process.unless_stopped(_warn_without_broker(settings))
        if heartbeat_file is not None:
            process.start("heartbeat", heartbeat(heartbeat_file, {}))
        process.start("simulators", services.simulator_service(settings))
        await process.until_stopped()


async def _warn_without_broker(settings: PlatformSettings) -> None:
    """Log that the broker isn't there; the simulators wait for it in silence."""
    address = settings.mqtt.address()
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(address.host, address.port)
    except (OSError, TimeoutError) as error:
        log.warning("the broker does not answer yet; waiting for it", broker=str(address), error=str(error))
    else:
        writer.close()


async def _with_backends(
    settings: PlatformSettings,
    name: str,
    room: Callable[..., Service],
    heartbeat_file: Path | None,
    *,
    unfinished: int = 0,
) -> None:
    """Run a room over store, ledger and registry; `unfinished` is the exit code when a part is busy at the end."""
    from prometheus_client import CollectorRegistry  # noqa: PLC0415 - a lone gateway has no use for it

    from korat.backends import open_backends  # noqa: PLC0415 - nor for databases
    from korat.self_metrics.run import self_metrics  # noqa: PLC0415 - nor for their figures

    checks, metrics = services.ReadinessChecks(), CollectorRegistry()

    readable_secrets.warn(settings)
    async with Process(last_resort=partial(end_now, unfinished)) as process, AsyncExitStack() as closing:
        if settings.store_file is not None:
            settings.make_data()
            closing.enter_context(hold(settings.data, name))
        backends = await closing.enter_async_context(open_backends(settings, process))
        log.info("room starts", room=name, store=settings.store_url, ledger=settings.ledger_url)
        process.start(name, room(settings, backends, metrics, checks))
        if settings.store_file is not None:
            process.start("requests", services.request_service(settings, backends))
        process.start("self-metrics", self_metrics(settings, backends, metrics, frozenset({name})))
        if heartbeat_file is not None:
            process.start("heartbeat", heartbeat(heartbeat_file, checks))
        await process.until_stopped()
