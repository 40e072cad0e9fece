"""Every frame under `cases/` is decoded as its folder says, and no damage to it makes a decoder fail or slow."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from city.errors import Malformed
from city.reading import Reading
from gateway.decoders import DECODERS
from gateway.decoders.lorawan.codecs import CODECS
from support import cases

_BUDGET_S: Final = 0.010
"""CPU seconds that any bytes may cost."""

_MAX_DAMAGES: Final = 2_000
_LONG: Final = os.environ.get("KORAT_CHAOS") == "long"
_FUZZ_S: Final = 60.0

CASES = [pytest.param(folder, id=f"{folder.parent.name}/{folder.name}") for folder in cases.folders()]


@pytest.mark.parametrize("folder", CASES)
def test_a_frame_is_decoded_as_its_folder_says(folder: Path) -> None:
    case = cases.load(folder)
    made, wanted = case.outcome(), case.wanted()
    assert close(made, wanted), f"the decoder makes of {case}:\n{json.dumps(made, indent=2)}"


@pytest.mark.parametrize("folder", CASES)
def test_a_damaged_frame_gives_readings_or_a_reason_and_costs_little(folder: Path) -> None:
    case = cases.load(folder)
    for what, payload in cases.Damaged(case.payload, _MAX_DAMAGES):
        try:
            cost_s = cost(case.run, payload)
            if cost_s > _BUDGET_S:  # the machine has other work: only what is slow every time is slow
                cost_s = min(cost(case.run, payload) for _ in range(3))
        except Exception as error:
            raise AssertionError(f"{case}, {what}: {payload.hex()}") from error
        assert cost_s <= _BUDGET_S, f"{case}, {what}: {cost_s * 1000:.1f} ms for {payload.hex()}"


def test_every_decoder_and_codec_has_a_frame() -> None:
    shown = {folder.parent.name for folder in cases.folders()}
    wanted = {*DECODERS, *(cases.CODEC + name for name in CODECS)}
    assert wanted - shown == set(), "a decoder without a frame in tests/gateway/cases supports nothing"
    assert shown - wanted == set(), "frames that no decoder reads"


@st.composite
def mangled(draw: st.DrawFn) -> tuple[cases.Case, bytes]:
    """Draw a case, and bytes for its decoder: any at all, or the frame's with parts cut out, doubled or overwritten."""
    case = cases.load(draw(st.sampled_from(cases.folders())))
    payload = case.payload
    if not payload or draw(st.integers(0, 3)) == 0:
        return case, draw(st.binary(max_size=400))
    for _ in range(draw(st.integers(1, 4))):
        first, last = sorted(draw(st.tuples(*(st.integers(0, len(payload)),) * 2)))
        middle = draw(st.one_of(st.just(b""), st.just(payload[first:last] * 2), st.binary(max_size=16)))
        payload = payload[:first] + middle + payload[last:]
    return case, payload


@given(mangled())
@settings(
    max_examples=2_000 if _LONG else 500,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
def fuzz(drawn: tuple[cases.Case, bytes]) -> None:
    """Decode bytes that nobody sent; anything but readings or Malformed raises."""
    case, payload = drawn
    cost(case.run, payload)


@pytest.mark.chaos
@pytest.mark.timeout(_FUZZ_S + 120)
def test_any_bytes_give_readings_or_a_reason() -> None:
    until_s = time.monotonic() + _FUZZ_S
    fuzz()
    while _LONG and time.monotonic() < until_s:
        fuzz()


def cost(run: Callable[[bytes], Any], payload: bytes) -> float:
    """Measure the CPU seconds of a call that gives readings, an object, or Malformed."""
    began_s = time.thread_time()
    try:
        made = run(payload)
    except Malformed:
        made = []
    took_s = time.thread_time() - began_s
    assert isinstance(made, dict) or all(isinstance(reading, Reading) for reading in made)
    return took_s


def close(made: Any, wanted: Any) -> bool:
    """Compare; numbers may differ in the last digits, which no device has."""
    match made, wanted:
        case dict(), dict():
            return made.keys() == wanted.keys() and all(close(made[key], wanted[key]) for key in made)
        case list(), list():
            return len(made) == len(wanted) and all(map(close, made, wanted))
        case float(), int() | float() if not isinstance(wanted, bool):
            return bool(made == pytest.approx(wanted, rel=1e-12, abs=1e-12))
        case _:
            return bool(made == wanted) and isinstance(made, bool) == isinstance(wanted, bool)
