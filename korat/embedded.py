"""`korat up`: a real mosquitto as a child process, everything else in this one."""

from typing import Final

from prometheus_client import CollectorRegistry

from city.errors import ConfigurationError
from korat import rooms
from korat.broker import Broker
from korat.farewell import farewell
from korat.lock import hold
from korat.process import Process, end_now
from korat.settings import Everything
from korat.stack import open_stack
from korat.view import View
from korat.vitals.run import API, INGEST, vitals

BROKER_HOSTS: Final = frozenset({"127.0.0.1", "localhost"})


async def up(settings: Everything, view: View, *, demo: bool) -> None:
    """Run the whole platform until a signal comes; what was started last stops first.

    Raises:
        KoratError: It can't start, or a room failed; the message is a sentence.
    """
    _refuse(settings)
    settings.make_data()
    metrics, checks = CollectorRegistry(), rooms.Checks()
    with hold(settings.data, "up"):
        rooms.refuse_taken_api(settings)
        rooms.refuse_taken_gateway(settings)
        async with (
            Process(last_resort=end_now) as process,
            open_stack(settings, process) as stack,
            Broker(settings.mqtt.port, settings.data / "mosquitto") as broker,
        ):
            process.start("broker watch", broker.watch)
            process.start("api", rooms.api_room(settings, stack, metrics, checks))
            process.start("ingest", rooms.ingest_room(settings, stack, metrics, checks))
            process.start("gateway", rooms.gateway_room(settings))
            process.start("vitals", vitals(settings, stack, metrics, frozenset({INGEST, API})))
            if demo:
                process.start("simulators", rooms.simulator_room(settings))
            process.start("view", lambda stop: view.run(settings, stack, checks, stop, demo=demo))
            await process.until_stopped()
            view.say(await farewell(settings, stack))


def _refuse(settings: Everything) -> None:
    if settings.mqtt.url:
        raise ConfigurationError("KORAT_MQTT_URL (mqtt.url): `korat up` brings its own broker; set mqtt.port instead")
    if settings.mqtt.host not in BROKER_HOSTS:
        raise ConfigurationError("KORAT_MQTT_HOST (mqtt.host): `korat up` brings its own broker, on 127.0.0.1")
