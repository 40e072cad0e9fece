"""Holds the size of modules: small enough to read in one sitting.

`make check` runs it as a script. Above 250 lines it warns, above 400 it fails, and it prints the median,
which should be near 100. Tests and generated code are not counted.
"""

import sys
from pathlib import Path
from statistics import median

_ROOMS = "city", "gateway", "ingest", "insights", "api", "simulators", "dashboards", "korat", "bench"
_SOFT = 250
_HARD = 400


def main() -> int:
    """Measure every module below the working directory's rooms; 1 when one is too long, else 0."""
    sizes = {
        module: len(module.read_text(encoding="utf-8").splitlines())
        for room in _ROOMS
        for module in sorted(Path(room).rglob("*.py"))
        if not module.name.endswith("_pb2.py")
    }
    worst = max(sizes.values(), default=0)
    for module, lines in sizes.items():
        if lines > _SOFT:
            verdict = f"split it, {_HARD} is the most" if lines > _HARD else f"aim below {_SOFT}"
            sys.stdout.write(f"{module}: {lines} lines, {verdict}\n")
    counted = [lines for module, lines in sizes.items() if module.name != "__init__.py"]
    sys.stdout.write(f"{len(counted)} modules, median {median(counted or [0]):.0f} lines, longest {worst}\n")
    return int(worst > _HARD)


if __name__ == "__main__":
    sys.exit(main())
