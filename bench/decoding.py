"""What a decoder costs a frame: every case of tests/gateway/cases, best of several runs, CPU of one thread."""

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Final

from gateway.decoders import DECODERS, Context
from gateway.decoders.lorawan.codecs import CODECS
from gateway.decoders.mapping import load_mapping
from support.cases import CODEC, Case, folders, load

REPEAT: Final = 200
ROUNDS: Final = 5


def measure_decoding() -> None:
    """Print mean and worst microseconds by family; device codecs as one family a maker."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for case in map(load, folders()):
        if case.error is None:
            family = case.family.split("-dl-")[0] if case.family.startswith(CODEC) else case.family
            found[family].append(_microseconds(case))
    print(f"{'decoder':<28}{'frames':>8}{'mean us':>10}{'worst us':>10}")
    for family, costs in sorted(found.items()):
        print(f"{family:<28}{len(costs):>8}{sum(costs) / len(costs):>10.1f}{max(costs):>10.1f}", flush=True)


def _microseconds(case: Case) -> float:
    """Cost of one frame; of a tracker's frame, of one of its records."""
    payload, known = case.payload, case.known
    records = 1
    if case.family.startswith(CODEC):
        codec = CODECS[case.family.removeprefix(CODEC)]
        best = min(_timed(lambda: codec(known.port, payload)) for _ in range(ROUNDS))
    else:
        decode = DECODERS[case.family]
        mappings = {name: load_mapping(name, table) for name, table in known.mappings.items()}
        context = Context(known.received_ns, known.device, known.kind, known.parameters, known.codecs, mappings)
        best = min(_timed(lambda: decode(payload, context)) for _ in range(ROUNDS))
        if case.family == "teltonika":
            records = max(1, len({reading.time_ns for reading in decode(payload, context)}))
    return best / records


def _timed(work: Callable[[], object]) -> float:
    began = time.thread_time_ns()
    for _ in range(REPEAT):
        work()
    return (time.thread_time_ns() - began) / REPEAT / 1000
