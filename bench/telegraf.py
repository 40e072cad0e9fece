"""The peer: Telegraf's mqtt_consumer into the same InfluxDB, singles against singles and packs against packs.

Runs only where `telegraf` is on the PATH. It is set up fairly: QoS 1 with a persistent session (without it Telegraf
acknowledges before it delivers), no throttle in the broker, batches and flushes of the same size as ours, the same
values, instants and tags; once as it is shipped and once tuned to spend the least CPU.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from blast import PER_PACK, PROVINCE, QUANTITIES
from parts import blast, running, used

from support.influx import Influx
from support.mosquitto import Mosquitto
from support.process import Process

WITHIN_S: Final = 600.0
BUFFER: Final = 200_000

CONFIGURATION: Final = """\
[agent]
  interval = "1s"
  flush_interval = "250ms"
  flush_jitter = "0s"
  metric_batch_size = 5000
  metric_buffer_limit = {buffer}
  omit_hostname = true
  quiet = true

[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{broker}"]
  topics = ["city/+/smart_city/+/+"]
  qos = 1
  persistent_session = true
  client_id = "telegraf-bench"
  max_undelivered_messages = {undelivered}
  topic_tag = ""
{format}
[[outputs.influxdb]]
  urls = ["http://127.0.0.1:{influx}"]
  database = "telegraf"
  skip_database_creation = true
  content_encoding = "{encoding}"
"""

# In `topic` any level is `+`, and `_` is a level of that name; in the other two `_` is a level that is left out.
JSON: Final = """\
  data_format = "json_v2"
  [[inputs.mqtt_consumer.topic_parsing]]
    topic = "city/+/smart_city/+/+"
    measurement = "_/_/_/measurement/_"
    tags = "_/province/_/_/device"
  [[inputs.mqtt_consumer.json_v2]]
    [[inputs.mqtt_consumer.json_v2.object]]
      path = "@this"
      timestamp_key = "ts"
      timestamp_format = "unix_ms"
      disable_prepend_keys = true
"""

LINES: Final = """\
  data_format = "influx"
"""


class Load(NamedTuple):
    """What both drain: the shape of ours, that of Telegraf, how it reads it, and the readings in a message."""

    ours: str
    theirs: str
    format: str
    messages: int
    per_message: int


LOADS: Final = (
    Load("direct", "direct", JSON, 200_000, 1),
    Load("arrays", "arrays", JSON, 5_000, PER_PACK),
    Load("packs", "lines", LINES, 5_000, PER_PACK),
)


class Tuning(NamedTuple):
    """How Telegraf is set up: the encoding of its writes, and how often Go collects garbage."""

    name: str
    encoding: str
    environment: dict[str, str]


TUNINGS: Final = (
    Tuning("shipped", "gzip", {}),
    Tuning("tuned", "identity", {"GOGC": "400"}),
)


class Measured(Protocol):
    """A row of ours to compare with."""

    what: str
    store: str
    cpu_us: float


def measure_telegraf(share: int, rows: Sequence[Measured]) -> None:
    """Drain the same backlogs with Telegraf, and print its cost beside ours.

    Raises:
        RuntimeError: Less arrived than was sent, or without its tags: such a row would compare nothing.
    """
    program = shutil.which("telegraf")
    if program is None:
        print("telegraf is not on the PATH: no comparison in this run")
        return
    for load in LOADS:
        messages = load.messages // share
        readings = messages * load.per_message
        for tuning in TUNINGS:
            with tempfile.TemporaryDirectory(prefix="korat-bench-") as name:
                cpu_us, wall_s = drain_telegraf(Path(name), program, load, messages, tuning)
            ours = [row.cpu_us for row in rows if row.store == "InfluxDB" and row.what == load.ours]
            ratio = f"  ours / telegraf {tuning.name}, {load.ours}: {ours[0] / cpu_us:.2f}" if ours else ""
            print(
                f"{'telegraf':<10}{load.theirs:<10}{readings:>10,}{cpu_us:>13.1f}{wall_s:>9.1f}"
                f"{readings / wall_s:>12,.0f}  {tuning.name}{ratio}",
                flush=True,
            )


def drain_telegraf(folder: Path, program: str, load: Load, messages: int, tuning: Tuning) -> tuple[float, float]:
    """Give its CPU, microseconds a reading, and the seconds it took.

    Raises:
        RuntimeError: Less arrived than was sent, or without its tags.
    """
    readings = messages * load.per_message
    with Mosquitto(folder / "broker", config_extra="persistence false") as broker, Influx(folder / "influx") as influx:
        influx.create_database("telegraf")
        configuration = folder / "telegraf.conf"
        configuration.write_text(
            CONFIGURATION.format(
                broker=broker.port,
                influx=influx.port,
                format=load.format,
                encoding=tuning.encoding,
                buffer=BUFFER,
                undelivered=max(BUFFER // 10 // load.per_message, 100),
            ),
            "utf-8",
        )
        command = [program, "--config", configuration]
        peer = Process(command, folder / "telegraf", name="telegraf", env={**os.environ, **tuning.environment})
        with running(peer):
            time.sleep(3)  # it has no sign of readiness; its session has to exist before the load comes
            start_up_s = used(peer.pid).cpu_s
        if blast(broker.port, load.theirs, messages).wait() != 0:
            raise RuntimeError("the publisher failed")
        begun = time.monotonic()
        with running(peer):
            while (arrived := _arrived(influx)) < readings and time.monotonic() - begun < WITHIN_S:
                time.sleep(1)
            wall_s = time.monotonic() - begun
            cpu_s = used(peer.pid).cpu_s - start_up_s
            if arrived < readings:
                raise RuntimeError(
                    f"{arrived} of {readings} readings arrived from Telegraf with all values and tags; "
                    f"its log ends: {peer.log_tail()}"
                )
    return cpu_s / readings * 1e6, wall_s


def _arrived(influx: Influx) -> int:
    """Count the readings that have every value, their device and their province."""
    counts = ", ".join(f'count("{quantity}")' for quantity in QUANTITIES)
    tagged = f"""FROM "air_quality" WHERE "province" = '{PROVINCE}' AND "device" =~ /^aq-/"""
    series = influx.query(f"SELECT {counts} {tagged}", "telegraf")
    return min(int(count or 0) for count in series[0]["values"][0][1:]) if series else 0
