"""Prometheus counters of this process as rates and durations since the sample before."""

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
class ProcessMetrics:
    """Two samples of a registry, the current and the previous one.

    Attributes:
        registry: Holds the counters.
        current: Sample name and labels to value.
        previous: The same one sample earlier; a counter that it lacks stood at 0.
        seconds: Between the two.
        cpu_s: Processor time used between the two, s.
    """

    registry: CollectorRegistry
    current: dict[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)
    previous: dict[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_s: float = 0.0
    _sampled_s: float = field(default_factory=time.monotonic)
    _cpu_s: float = field(default_factory=time.process_time)

    def sample(self) -> None:
        """Take the next sample; the current one becomes the previous one."""
        at_s, cpu_s = time.monotonic(), time.process_time()
        self.seconds, self._sampled_s = max(at_s - self._sampled_s, 1e-3), at_s
        self.cpu_s, self._cpu_s = cpu_s - self._cpu_s, cpu_s
        self.previous = self.current
        self.current = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for metric in self.registry.collect()
            for sample in metric.samples
        }

    def increase(self, name: str, **labels: str) -> float:
        """How much a counter grew since the previous sample, summed over all that have these labels."""
        wanted = set(labels.items())
        return sum(
            value - self.previous.get(key, 0.0)
            for key, value in self.current.items()
            if key[0] == name and wanted <= set(key[1])
        )

    def gauges(self, name: str, label: str) -> dict[str, float]:
        """Present values of a gauge, by one of its labels."""
        return {dict(key[1])[label]: value for key, value in self.current.items() if key[0] == name}

    def gauge(self, name: str) -> float:
        """Present value of a gauge without labels; 0 where there is none."""
        return self.current.get((name, ()), 0.0)

    def server_errors(self, name: str) -> float:
        """How many answers with a status of 500 and more a counter of requests grew by."""
        return sum(
            value - self.previous.get(key, 0.0)
            for key, value in self.current.items()
            if key[0] == name and dict(key[1]).get("status", "").startswith(_SERVER_ERROR)
        )

    def percentile(self, name: str) -> float | None:
        """Upper bound of the bucket in which 95 % of a histogram's new observations end; None when there are none."""
        buckets: defaultdict[float, float] = defaultdict(float)
        for key, value in self.current.items():
            if key[0] == f"{name}_bucket":
                buckets[float(dict(key[1])["le"])] += value - self.previous.get(key, 0.0)
        total = buckets.get(float("inf"), 0.0)
        if not total:
            return None
        bounds = sorted(buckets)
        found = next(bound for bound in bounds if buckets[bound] >= total * _QUANTILE)
        return found if found != float("inf") else bounds[-2]

    def usage(self) -> dict[str, float]:
        """Give what the process itself uses: share of one core in %, resident memory in bytes."""
        return {"process_cpu": 100 * self.cpu_s / self.seconds, "process_memory": float(_memory())}


def _memory() -> int:
    try:
        return int(_STATM.read_text("ascii").split()[1]) * resource.getpagesize()
    except OSError:  # no Linux: the peak so far, which macOS gives in bytes
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
