"""Two processes that connect under one client id."""

import asyncio

from structlog.testing import capture_logs

from city.mqtt import Address, Session
from support.mosquitto import Mosquitto


async def test_two_sessions_of_one_id_slow_down_and_name_it(broker: Mosquitto) -> None:
    address = Address("127.0.0.1", broker.port)
    rivals = [Session(address, client_id="gw-twin", session_expiry_s=0, name=f"rival {n}") for n in (1, 2)]
    said = "the broker ends each connection: another process may connect under this client id"
    with capture_logs() as logs:
        async with rivals[0], rivals[1], asyncio.timeout(40):
            while not (named := [line for line in logs if line["event"] == said]):
                await asyncio.sleep(0.05)
            first = sum(session.connection for session in rivals)
            await asyncio.sleep(5)
            later = sum(session.connection for session in rivals) - first
    assert named[0]["client_id"] == "gw-twin"
    assert named[0]["log_level"] == "warning"
    # one of them waits ten seconds from here on, so the other is pushed out no more
    assert later <= 1
