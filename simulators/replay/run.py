"""Replays a recording: survey, pace, send, wait for the confirmations, count."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Final

import msgspec
from rich.console import Console

from city.errors import ConfigurationError
from city.reading import Reading
from simulators.publisher import Publisher
from simulators.replay.options import AS_FAST_AS_POSSIBLE, ReplayOptions, ReplayReport
from simulators.replay.post import Poster
from simulators.replay.progress import Progress, progress
from simulators.replay.recording import Item, Recording, Survey
from simulators.replay.sinks import BrokerSink, GatewaySink, Sink

_NS: Final = 1_000_000_000
_CONNECT_S: Final = 10.0


def replay(
    options: ReplayOptions, *, stop: threading.Event | None = None, console: Console | None = None
) -> ReplayReport:
    """Replay a recording, and return when every reading was confirmed or the replay was stopped.

    Nothing is sent before the whole recording was read once; so a bad line ends it with nothing sent. In the main
    thread Ctrl-C and SIGTERM stop it, and the counts so far come back.

    Args:
        options: What and how.
        stop: Set it to end the replay.
        console: Where progress and the counts are printed; stderr by default.

    Raises:
        ConfigurationError: An option, the mapping or an access right is wrong.
        BadFile: The recording has a bad line or can't be read.
        Unavailable: Nothing answers at the address.
    """
    options.check()
    stop = stop or threading.Event()
    console = console or Console(file=sys.stderr)
    begun = time.monotonic()
    with _ended_by_signals(stop), ExitStack() as stack:
        recording = Recording(options)
        found = recording.survey()
        report = ReplayReport(
            rows=found.tally.rows,
            readings=found.items,
            gaps=found.tally.gaps,
            bad=found.tally.bad,
            first_bad=found.tally.first_bad,
        )
        sink = _open(options, stop, stack)
        bar = stack.enter_context(progress(console, options.file.name, found.items))
        try:
            _feed(recording, found, options, sink, bar, stop=stop)
        finally:
            report.seconds = time.monotonic() - begun
            report.sent, report.confirmed = sink.sent, sink.confirmed
            report.refused, report.reason = sink.refused, sink.reason
            report.stopped = stop.is_set() and sink.confirmed + sink.refused < found.items
            bar.update(sink.confirmed)
    console.print(str(report), highlight=False, soft_wrap=True)
    return report


def _feed(
    recording: Recording, found: Survey, options: ReplayOptions, sink: Sink, bar: Progress, *, stop: threading.Event
) -> None:
    items: Iterator[Item] = recording.items(recording.tally())
    paced = options.speed != AS_FAST_AS_POSSIBLE
    if paced and not found.in_order:
        # stable, so that of two for the same instant the later one stays the later one
        items = iter(sorted(items, key=lambda item: item.time_ns))
    shift_ns = _shift(found, options, time.time_ns())
    start = time.monotonic()
    for item in items:
        if paced:
            due = start + (item.time_ns - found.first_ns) / _NS / options.speed
            _wait(due, sink, bar, stop)
        if stop.is_set():
            return
        sink.accept(_moved(item, shift_ns))
        bar.update(sink.confirmed)
    sink.finish()


def _wait(due: float, sink: Sink, bar: Progress, stop: threading.Event) -> None:
    if due <= time.monotonic():
        return
    sink.flush()
    while not stop.is_set() and (left := due - time.monotonic()) > 0:
        bar.update(sink.confirmed)
        stop.wait(min(left, 0.5))


def _shift(found: Survey, options: ReplayOptions, now_ns: int) -> int:
    """Give what is added to all times; whole milliseconds, so that they stay short on the wire."""
    if not options.shift_to_now:
        return 0
    first_is_now = options.speed != AS_FAST_AS_POSSIBLE and options.speed <= 1
    # faster than life, times would run ahead of the clock, and ingest would quarantine them
    shift = now_ns - (found.first_ns if first_is_now else found.last_ns)
    return shift // 1_000_000 * 1_000_000


def _moved(item: Item, shift_ns: int) -> Item:
    if not shift_ns or not isinstance(item, Reading):
        return item
    return msgspec.structs.replace(item, time_ns=item.time_ns + shift_ns)


def _open(options: ReplayOptions, stop: threading.Event, stack: ExitStack) -> Sink:
    if options.via is not None:
        return GatewaySink(stack.enter_context(Poster(options.via, options.token)), options.batch, stop)
    if options.broker is None:
        raise ConfigurationError("a replay needs a broker, or a gateway by --via")
    publisher = stack.enter_context(Publisher(options.broker, "replay"))
    publisher.connect(_CONNECT_S, stop)
    return BrokerSink(publisher, options.province, options.batch, stop)


@contextmanager
def _ended_by_signals(stop: threading.Event) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
