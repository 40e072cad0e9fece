"""A gateway that is killed with -9 between the frame and the spool, or between the spool and the acknowledgement."""

import asyncio
import signal
import sys
from pathlib import Path

from fake_ingest import GATEWAY, FakeIngest
from rig import until
from stand_ins import line

from support.mosquitto import Mosquitto
from support.ports import free_port
from support.process import Process

# every few packs it dies, by turns just before the spool has the pack and just after
GATEWAY_PROCESS = """
import asyncio, os, signal, sys
from pathlib import Path
from unittest.mock import patch
sys.path.append(sys.argv[5])
from stand_ins import LINES
from city.mqtt import Address
from gateway.inputs import tcp as tcp_input
from gateway.run import run
from gateway.settings import GatewaySettings
from gateway.outbox.spool import Spool

broker, http, data, name = sys.argv[1:5]
patch.object(tcp_input, "TRACKER_PROTOCOLS", {"teltonika": LINES}).start()  # a name that is gone raises
append, packs, turn = Spool.append, 0, Path(data) / "turn"
before = turn.exists()
turn.unlink() if before else turn.touch()

def append_or_die(self, contents):
    global packs
    packs += 1
    dies = packs == 5
    if dies and before:
        os.kill(os.getpid(), signal.SIGKILL)
    append(self, contents)
    if dies:
        os.kill(os.getpid(), signal.SIGKILL)

Spool.append = append_or_die
settings = GatewaySettings(id=name, http_port=int(http), pack_age_ms=5, resend_s=0.5)
asyncio.run(
    run(settings, province="th-30", address=Address("127.0.0.1", int(broker)), data=Path(data), stop=asyncio.Event())
)
"""


async def drive(name: str, port: int, numbers: range) -> None:
    """Be a tracker: send each record until it is acknowledged, over as many connections as that takes."""
    waiting = list(numbers)
    while waiting:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        try:
            writer.write(name.encode() + b"\n")
            await reader.readline()
            while waiting:
                writer.write(line(waiting[0]) + b"\n")
                if await reader.readline() != b"ok\n":
                    break
                waiting.pop(0)
        except ConnectionError:
            pass
        finally:
            writer.close()


async def test_no_record_is_lost_and_none_becomes_two_values(
    broker: Mosquitto, ingest: FakeIngest, tmp_path: Path
) -> None:
    http, tcp = free_port(), free_port()
    (tmp_path / "gateway.toml").write_text(f'[[input.tcp]]\nprotocol = "teltonika"\nport = {tcp}\n')
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", GATEWAY_PROCESS, str(broker.port), str(http), str(tmp_path), GATEWAY, here]
    process = Process(command, tmp_path / "log", name="gateway")
    expected = {(f"bus-{bus}", number) for bus in range(3) for number in range(20)}
    killed = 0
    with process:
        trackers = [asyncio.create_task(drive(f"bus-{bus}", tcp, range(20))) for bus in range(3)]
        while not all(tracker.done() for tracker in trackers):
            if not process.running:
                assert process.exit_code == -signal.SIGKILL, process.log_tail()
                killed += 1
                await asyncio.to_thread(process.start)
            await asyncio.sleep(0.02)
        if not process.running:
            process.start()
        await until(lambda: {(got.device, got.values["temperature"]) for got in ingest.readings()} >= expected)
        process.kill()
    assert killed >= 4
    got = ingest.readings()
    assert {(each.device, each.values["temperature"]) for each in got} == expected
    times = {(each.device, each.time_ns) for each in got}
    assert len(times) == len(expected), "a record that came twice is the same value at the same instant"
    assert len(got) > len(expected), "some did come twice, or the test proves nothing"
