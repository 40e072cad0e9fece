"""The peer: Telegraf's mqtt_consumer into the same InfluxDB, over the same load of single messages.

Runs only where `telegraf` is on the PATH. It is set up fairly: QoS 1 with a persistent session (without it Telegraf
acknowledges before it delivers), no throttle in the broker, batches and flushes of the same size as ours.
"""

import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from parts import blast, running, used

from support.influx import Influx
from support.mosquitto import Mosquitto
from support.process import Process

WITHIN_S: Final = 600.0

CONFIGURATION: Final = """\
[agent]
  interval = "1s"
  flush_interval = "250ms"
  flush_jitter = "0s"
  metric_batch_size = 5000
  metric_buffer_limit = 200000
  omit_hostname = true
  quiet = true

[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{broker}"]
  topics = ["city/+/smart_city/+/+"]
  qos = 1
  persistent_session = true
  client_id = "telegraf-bench"
  max_undelivered_messages = 20000
  topic_tag = ""
  data_format = "json_v2"
  [[inputs.mqtt_consumer.topic_parsing]]
    topic = "_/_/_/_/_"
    measurement = "_/_/_/measurement/_"
    tags = "_/province/_/_/device"
  [[inputs.mqtt_consumer.json_v2]]
    [[inputs.mqtt_consumer.json_v2.object]]
      path = "@this"
      timestamp_key = "ts"
      timestamp_format = "unix_ms"
      disable_prepend_keys = true

[[outputs.influxdb]]
  urls = ["http://127.0.0.1:{influx}"]
  database = "telegraf"
  skip_database_creation = true
  content_encoding = "gzip"
"""


class Measured(Protocol):
    """A row of ours to compare with."""

    what: str
    store: str
    cpu_us: float


def measure_telegraf(messages: int, rows: Sequence[Measured]) -> None:
    """Drain the same backlog with Telegraf, and print its cost beside ours."""
    program = shutil.which("telegraf")
    if program is None:
        print("telegraf is not on the PATH: no comparison in this run")
        return
    with tempfile.TemporaryDirectory(prefix="korat-bench-") as name:
        cpu_us, wall_s, stored = _drain(Path(name), program, messages)
    print(
        f"{'telegraf':<10}{'InfluxDB':<10}{messages:>10,}{cpu_us:>13.1f}{wall_s:>9.1f}{messages / wall_s:>12,.0f}"
        f"{'':>10}  ({stored:,} stored)"
    )
    for row in rows:
        if row.store == "InfluxDB":
            print(f"ours / telegraf, {row.what}: {row.cpu_us / cpu_us:.2f}")


def _drain(folder: Path, program: str, messages: int) -> tuple[float, float, int]:
    with Mosquitto(folder / "broker", config_extra="persistence false") as broker, Influx(folder / "influx") as influx:
        influx.create_database("telegraf")
        configuration = folder / "telegraf.conf"
        configuration.write_text(CONFIGURATION.format(broker=broker.port, influx=influx.port), "utf-8")
        peer = Process([program, "--config", configuration], folder / "telegraf", name="telegraf")
        with running(peer):
            time.sleep(3)  # it has no sign of readiness; its session has to exist before the load comes
            start_up_s = used(peer.pid).cpu_s
        if blast(broker.port, "direct", messages).wait() != 0:
            raise RuntimeError("the publisher failed")
        begun = time.monotonic()
        with running(peer):
            stored = 0
            while stored < messages and time.monotonic() - begun < WITHIN_S:
                time.sleep(1)
                stored = _stored(influx)
            wall_s = time.monotonic() - begun
            cpu_s = used(peer.pid).cpu_s - start_up_s
    return cpu_s / messages * 1e6, wall_s, stored


def _stored(influx: Influx) -> int:
    series = influx.query('SELECT count("pm2_5") FROM "air_quality"', "telegraf")
    return int(series[0]["values"][0][1]) if series else 0
