"""Two checkouts side by side: what a reading costs in each, measured by turns so that a slow hour slows both.

Usage: python bench/compare.py --base DIR [-n 5] [--only PART]

Each checkout has its own `.venv` and is measured by its own bench/, so names may differ between them. Printed are
medians of the CPU microseconds a reading, and their ratio, new to base.
"""

import argparse
import json
import statistics
import subprocess
import time
from collections import defaultdict
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
DEARER: Final = 1.10
"""A ratio above it is marked, where it is more than the rounding of what was printed."""

ROUNDING_US: Final = 0.15

DRAIN: Final = "drain(Path(folder), {shape!r}, {store!r}, {messages}).cpu_us"
PARTS: Final = {
    "direct DuckDB": DRAIN.format(shape="direct", store="DuckDB", messages=60_000),
    "direct InfluxDB": DRAIN.format(shape="direct", store="InfluxDB", messages=60_000),
    "packs DuckDB": DRAIN.format(shape="packs", store="DuckDB", messages=5_000),
    "packs InfluxDB": DRAIN.format(shape="packs", store="InfluxDB", messages=5_000),
    "gateway": "custody.drain_gateway(Path(folder), 3_000).cpu_us",
    "decoding": "decoding()",
}

# What runs in a checkout. The gateway is measured by our own custody.py: it knows the programs alone.
PROGRAM: Final = """
import contextlib, importlib.util, io, json, logging, sys, tempfile
from pathlib import Path
sys.path.insert(0, "bench")
import run
from run import drain, measure_decoding
import structlog

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
spec = importlib.util.spec_from_file_location("custody", sys.argv[1])
custody = importlib.util.module_from_spec(spec)
spec.loader.exec_module(custody)

def decoding():
    with contextlib.redirect_stdout(io.StringIO()) as table:
        measure_decoding()
    rows = [line.rsplit(maxsplit=3) for line in table.getvalue().splitlines()[1:]]
    return {family: float(mean) for family, _, mean, _ in rows}

with tempfile.TemporaryDirectory(prefix="korat-bench-") as folder:
    measured = eval(sys.argv[2])
print(json.dumps(measured))
"""


def measure(checkout: Path, part: str) -> dict[str, float]:
    """Measure one part in one checkout.

    Raises:
        RuntimeError: It failed there.
    """
    command = [checkout / ".venv" / "bin" / "python", "-c", PROGRAM, HERE / "custody.py", PARTS[part]]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{part} failed in {checkout}: {done.stderr[-2000:]}")
    measured = json.loads(done.stdout.splitlines()[-1])
    if not isinstance(measured, dict):
        return {part: measured}
    return {f"{part} {key}": us for key, us in measured.items()}


def main() -> None:
    """Measure base and new by turns, and print the table; end with 1 where something is more than 10 % dearer."""
    options = argparse.ArgumentParser(description="Two checkouts side by side.")
    options.add_argument("--base", type=Path, required=True, help="the older checkout, with its own .venv")
    options.add_argument("-n", type=int, default=5, help="runs of each")
    options.add_argument("--only", choices=PARTS, action="append", help="one part of it")
    chosen = options.parse_args()
    checkouts = {"base": chosen.base.resolve(), "new": HERE.parent}
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    begun = time.monotonic()
    for number in range(chosen.n):
        for part in chosen.only or PARTS:
            for name, checkout in checkouts.items():
                for key, cpu_us in measure(checkout, part).items():
                    found[key][name].append(cpu_us)
        print(f"run {number + 1} of {chosen.n} done after {time.monotonic() - begun:.0f} s", flush=True)
    raise SystemExit(_print_table(found))


def _print_table(found: dict[str, dict[str, list[float]]]) -> bool:
    """Print what both know; say whether something became more than 10 % dearer."""
    medians = {
        key: (statistics.median(sides["base"]), statistics.median(sides["new"]))
        for key, sides in found.items()
        if len(sides) == 2
    }
    families = [both for key, both in medians.items() if key.startswith("decoding ")]
    if families:
        medians["decoding, all families"] = (sum(base for base, _ in families), sum(new for _, new in families))
    print(f"{'what':<40}{'base us':>10}{'new us':>10}{'ratio':>8}")
    worse = False
    for key, (base, new) in medians.items():
        dearer = new / base > DEARER and new - base > ROUNDING_US
        worse |= dearer
        print(f"{key:<40}{base:>10.1f}{new:>10.1f}{new / base:>8.2f}{'  dearer' if dearer else ''}")
    return worse


if __name__ == "__main__":
    main()
