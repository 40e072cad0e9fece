"""What a reading costs: CPU of the ingest process from broker to confirmed store and ledger.

Usage: make bench [ARGS="--quick"]

A backlog waits in a real mosquitto; one ingest worker drains it into DuckDB, then into InfluxDB. CPU seconds are the
process's own (user and system, all threads, from the kernel's account), so a busy machine matters little.
"""

import argparse
import logging
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "bench")]

from blast import PER_PACK  # noqa: E402 - the path comes first
from custody import measure_gateway  # noqa: E402 - the path comes first
from decoding import measure_decoding  # noqa: E402 - the path comes first
from latency import measure_latency  # noqa: E402 - the path comes first
from parts import blast, running, used, wait_for, wait_until_subscribed  # noqa: E402 - the path comes first
from telegraf import measure_telegraf  # noqa: E402 - the path comes first

from support.influx import Influx  # noqa: E402 - the path comes first
from support.korat import room  # noqa: E402 - the path comes first
from support.mosquitto import Mosquitto  # noqa: E402 - the path comes first

SHAPES: Final = {"direct": 1_000_000, "arrays": 10_000, "packs": 10_000}
"""Messages of each; one reading in a direct one, 100 in the others."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    store: str
    readings: int
    cpu_us: float
    wall_s: float
    peak_mib: float


def drain(folder: Path, shape: str, store: str, messages: int) -> Row:
    """Let a backlog wait in the broker, then measure the worker that drains it."""
    readings = messages * (1 if shape == "direct" else PER_PACK)
    with Mosquitto(folder / "broker", config_extra="persistence false") as broker, Influx(folder / "influx") as influx:
        influx.create_database("bench")
        data = folder / "data"
        url = f"sqlite:///{data / 'ledger.sqlite'}"
        environment = {
            "KORAT_MQTT_PORT": str(broker.port),
            "KORAT_STORE_URL": influx.store_url("bench") if store == "InfluxDB" else f"duckdb:///{data}/bench.duckdb",
            "KORAT_LEDGER_URL": url,
            "KORAT_INGEST_DEVICE_MESSAGES": "100000000",
        }
        worker = room("ingest", data, environment)
        with running(worker):
            wait_until_subscribed(broker.port)
            start_up_s = used(worker.pid).cpu_s
        publishing = blast(broker.port, shape, messages)
        if publishing.wait() != 0:
            raise RuntimeError("the publisher failed")
        begun = time.monotonic()
        with running(worker):
            wait_for(url, readings, worker, 600)
            wall_s = time.monotonic() - begun
            after = used(worker.pid)
        return Row(shape, store, readings, (after.cpu_s - start_up_s) / readings * 1e6, wall_s, after.peak_mib)


def main() -> None:
    """Measure everything and print the table."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    options = argparse.ArgumentParser(description="What a reading costs.")
    options.add_argument("--quick", action="store_true", help="a fifth of the load")
    parts = [*SHAPES, "gateway", "latency", "telegraf", "decoding"]
    options.add_argument("--only", choices=parts, help="one part of it")
    chosen = options.parse_args()
    share = 5 if chosen.quick else 1
    rows: list[Row] = []
    print(
        f"{'what':<10}{'store':<10}{'readings':>10}{'CPU us each':>13}{'wall s':>9}{'readings/s':>12}{'peak MiB':>10}"
    )
    for shape, messages in SHAPES.items():
        for store in ("DuckDB", "InfluxDB"):
            if chosen.only in {None, shape}:
                with tempfile.TemporaryDirectory(prefix="korat-bench-") as folder:
                    row = drain(Path(folder), shape, store, messages // share)
                rows.append(row)
                rate = row.readings / row.wall_s
                print(
                    f"{row.what:<10}{row.store:<10}{row.readings:>10,}{row.cpu_us:>13.1f}{row.wall_s:>9.1f}"
                    f"{rate:>12,.0f}{row.peak_mib:>10.0f}",
                    flush=True,
                )
    if chosen.only in {None, "gateway"}:
        measure_gateway(10_000 // share)
    if chosen.only in {None, "latency"}:
        measure_latency(seconds=20 // share)
    if chosen.only in {None, "telegraf"}:
        measure_telegraf(share, rows)
    if chosen.only in {None, "decoding"}:
        measure_decoding()


if __name__ == "__main__":
    main()
