"""What a decoder costs a frame: best of several runs, CPU of one thread.

The frames are those of tests/gateway/cases, and recorded ones where there are any (KORAT_SHARED_DATA, or `shared/data`
beside the checkout).
"""

import json
import math
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from gateway.decoders import DECODERS, Context, DecodeError
from gateway.decoders.lorawan.codecs import CODECS
from gateway.decoders.mapping import load_mapping
from support.cases import CODEC, Case, folders, load

REPEAT: Final = 100
ROUNDS: Final = 15
"""Each over all frames: a machine that others slow down for a while does not slow one frame alone."""


class Frame(NamedTuple):
    """One case: its family, the work, and how many records or uplinks share the cost."""

    family: str
    work: Callable[[], object]
    share: int


def measure_decoding() -> None:
    """Print mean and worst microseconds by family; device codecs as one family a maker."""
    frames = [_frame(case) for case in map(load, folders()) if case.error is None]
    frames += _recorded(Path(os.environ.get("KORAT_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data"))
    best = [math.inf] * len(frames)
    for _ in range(ROUNDS):
        best = [min(known, _timed(frame.work) / frame.share) for known, frame in zip(best, frames, strict=True)]
    found: defaultdict[str, list[float]] = defaultdict(list)
    for frame, cost in zip(frames, best, strict=True):
        found[frame.family].append(cost)
    print(f"{'decoder':<28}{'frames':>8}{'mean us':>10}{'worst us':>10}")
    for family, costs in sorted(found.items()):
        print(f"{family:<28}{len(costs):>8}{sum(costs) / len(costs):>10.1f}{max(costs):>10.1f}", flush=True)


def _frame(case: Case) -> Frame:
    payload, known = case.payload, case.known
    if case.family.startswith(CODEC):
        codec = CODECS[case.family.removeprefix(CODEC)]
        return Frame(case.family.split("-dl-")[0], lambda: codec(known.port, payload), 1)
    decode = DECODERS[case.family]
    mappings = {name: load_mapping(name, table) for name, table in known.mappings.items()}
    context = Context(known.received_ns, known.device, known.kind, known.parameters, known.codecs, mappings)
    share = payload.count(b'"uplink_message"')
    if case.family == "teltonika":
        share = len({reading.time_ns for reading in decode(payload, context).readings})
    return Frame(case.family, lambda: decode(payload, context), share or 1)


def _recorded(data: Path) -> Iterator[Frame]:
    """Give recorded envelopes and trackers' frames; of those, the ones with position records."""
    if not data.is_dir():
        return
    now = Context(time.time_ns(), "recorded")
    for name, file in (("chirpstack", "chirpstack_v4_events.json"), ("ttn", "ttn_v3_uplinks.json")):
        for vector in json.loads((data / "payloads" / file).read_text("utf-8"))["vectors"]:
            yield from _understood(name, json.dumps(vector["payload"]).encode(), now)
    for vector in json.loads((data / "decoders" / "teltonika_traccar_public.json").read_text("utf-8"))["vectors"]:
        yield from _understood("teltonika", bytes.fromhex(vector["hex"]), now)


def _understood(name: str, payload: bytes, context: Context) -> Iterator[Frame]:
    decode = DECODERS[name]
    try:
        records = {reading.time_ns for reading in decode(payload, context).readings}
    except DecodeError:
        return
    if records:
        yield Frame(f"{name}, recorded", lambda: decode(payload, context), len(records))


def _timed(work: Callable[[], object]) -> float:
    began = time.thread_time_ns()
    for _ in range(REPEAT):
        work()
    return (time.thread_time_ns() - began) / REPEAT / 1000
