"""`korat up`: a real mosquitto as a child process, everything else in this one."""

import secrets
from dataclasses import replace
from typing import Final

from prometheus_client import CollectorRegistry

from city.errors import ConfigurationError
from korat import readable_secrets, services
from korat.backends import open_backends
from korat.broker import Broker
from korat.lock import hold
from korat.process import Process, end_now
from korat.secret_files import SecretFiles
from korat.self_metrics.run import API, INGEST, self_metrics
from korat.settings import PlatformSettings
from korat.shutdown_report import shutdown_report
from korat.view import View

BROKER_HOSTS: Final = frozenset({"127.0.0.1", "localhost"})

_RECEIPT_KEY: Final = "receipt.key"


async def up(settings: PlatformSettings, view: View, *, demo: bool) -> None:
    """Run the whole platform until a signal comes; what was started last stops first.

    Raises:
        KoratError: It can't start, or a room failed; the message is a sentence.
    """
    _refuse(settings)
    settings.make_data()
    readable_secrets.warn(settings)
    settings = _with_receipt_key(settings)
    metrics, checks = CollectorRegistry(), services.ReadinessChecks()
    with hold(settings.data, "up"):
        services.refuse_taken_api(settings)
        services.refuse_taken_gateway(settings)
        async with (
            Process(last_resort=end_now) as process,
            open_backends(settings, process) as backends,
            Broker(settings.mqtt.port, settings.data / "mosquitto") as broker,
        ):
            await services.keep_names(settings, backends.registry)
            process.start("broker watch", broker.watch)
            process.start("api", services.api_service(settings, backends, metrics, checks))
            process.start("ingest", services.ingest_service(settings, backends, metrics, checks))
            process.start("requests", services.request_service(settings, backends))
            process.start("gateway", services.gateway_service(settings))
            process.start("self-metrics", self_metrics(settings, backends, metrics, frozenset({INGEST, API})))
            if demo:
                process.start("simulators", services.simulator_service(settings))
            process.start("view", lambda stop: view.run(settings, backends, checks, stop, demo=demo))
            await process.until_stopped()
            view.print_lines(await shutdown_report(settings, backends))


def _with_receipt_key(settings: PlatformSettings) -> PlatformSettings:
    """Give ingest and gateway a key of their own: the broker is open, and any program here could write receipts."""
    if settings.ingest.receipt_key_file or settings.gateway.receipt_key_file:
        return settings
    files = SecretFiles(settings.data)
    if not files.read(_RECEIPT_KEY):
        files.write(_RECEIPT_KEY, secrets.token_hex(32))
    update = {"receipt_key_file": str(files.path(_RECEIPT_KEY))}
    return replace(
        settings,
        ingest=settings.ingest.model_copy(update=update),
        gateway=settings.gateway.model_copy(update=update),
    )


def _refuse(settings: PlatformSettings) -> None:
    if settings.mqtt.url:
        raise ConfigurationError("KORAT_MQTT_URL (mqtt.url): `korat up` brings its own broker; set mqtt.port instead")
    if settings.mqtt.host not in BROKER_HOSTS:
        raise ConfigurationError("KORAT_MQTT_HOST (mqtt.host): `korat up` brings its own broker, on 127.0.0.1")
