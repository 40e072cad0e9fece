"""`korat up`: a real mosquitto as a child process, everything else in this one."""

from contextlib import AsyncExitStack
from pathlib import Path

from prometheus_client import CollectorRegistry

from city.errors import ConfigurationError
from ingest.run import Checks
from korat.broker import Broker
from korat.process import Process
from korat.rooms import api_room, gateway_room, ingest_room, simulator_room
from korat.settings import Everything
from korat.stack import open_stack
from korat.view import View


async def up(settings: Everything, view: View, *, demo: bool) -> None:
    """Run the whole platform until a signal comes; what was started last stops first.

    Raises:
        KoratError: It can't start, or a room failed; the message is a sentence.
    """
    if settings.mqtt.url:
        raise ConfigurationError("KORAT_MQTT_URL (mqtt.url): `korat up` brings its own broker; set mqtt.port instead")
    metrics, checks, process = CollectorRegistry(), Checks(), Process()
    async with AsyncExitStack() as closing:
        stack = await closing.enter_async_context(open_stack(settings))
        broker = Broker(settings.mqtt.port, Path(settings.data / "mosquitto"))
        closing.push_async_callback(broker.stop)
        await broker.start()
        process.start("broker watch", broker.watch)
        process.start("api", api_room(settings, stack, metrics, checks))
        process.start("ingest", ingest_room(settings, stack, metrics, checks))
        process.start("gateway", gateway_room(settings))
        if demo:
            process.start("simulators", simulator_room(settings))
        process.start("view", lambda stop: view.run(settings, stack, checks, stop, demo=demo))
        await process.until_stopped()
