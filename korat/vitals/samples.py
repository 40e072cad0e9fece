"""Prometheus counters of this process as rates and durations since the last look."""

import resource
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

_STATM: Final = Path("/proc/self/statm")
_QUANTILE: Final = 0.95
_SERVER_ERROR: Final = "5"


@dataclass(slots=True)
class Samples:
    """Two looks at a registry, the present one and the one before.

    Attributes:
        registry: Whose counters.
        now: Sample name and labels to value.
        before: The same at the last look; a counter that wasn't there counted nothing.
        seconds: Between the two.
    """

    registry: CollectorRegistry
    now: dict[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)
    before: dict[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_s: float = 0.0
    _looked_s: float = field(default_factory=time.monotonic)
    _cpu_s: float = field(default_factory=time.process_time)

    def look(self) -> None:
        """Look again."""
        at_s, cpu_s = time.monotonic(), time.process_time()
        self.seconds, self._looked_s = max(at_s - self._looked_s, 1e-3), at_s
        self.cpu_s, self._cpu_s = cpu_s - self._cpu_s, cpu_s
        self.before = self.now
        self.now = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for metric in self.registry.collect()
            for sample in metric.samples
        }

    def grown(self, name: str, **labels: str) -> float:
        """How much a counter grew since the look before, over all that have these labels."""
        wanted = set(labels.items())
        return sum(
            value - self.before.get(key, 0.0)
            for key, value in self.now.items()
            if key[0] == name and wanted <= set(key[1])
        )

    def gauges(self, name: str, label: str) -> dict[str, float]:
        """Present values of a gauge, by one of its labels."""
        return {dict(key[1])[label]: value for key, value in self.now.items() if key[0] == name}

    def gauge(self, name: str) -> float:
        """Present value of a gauge without labels; 0 where there is none."""
        return self.now.get((name, ()), 0.0)

    def server_errors(self, name: str) -> float:
        """How many answers with a status of 500 and more a counter of requests grew by."""
        return sum(
            value - self.before.get(key, 0.0)
            for key, value in self.now.items()
            if key[0] == name and dict(key[1]).get("status", "").startswith(_SERVER_ERROR)
        )

    def percentile(self, name: str) -> float | None:
        """Upper bound of the bucket in which 95 % of a histogram's new observations end; None when there are none."""
        buckets: defaultdict[float, float] = defaultdict(float)
        for key, value in self.now.items():
            if key[0] == f"{name}_bucket":
                buckets[float(dict(key[1])["le"])] += value - self.before.get(key, 0.0)
        total = buckets.get(float("inf"), 0.0)
        if not total:
            return None
        bounds = sorted(buckets)
        found = next(bound for bound in bounds if buckets[bound] >= total * _QUANTILE)
        return found if found != float("inf") else bounds[-2]

    def process(self) -> dict[str, float]:
        """What the process itself uses: share of one core in %, resident memory in bytes."""
        return {"process_cpu": 100 * self.cpu_s / self.seconds, "process_memory": float(_memory())}


def _memory() -> int:
    try:
        return int(_STATM.read_text("ascii").split()[1]) * resource.getpagesize()
    except OSError:  # no Linux: the most it ever had, which macOS gives in bytes
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
