"""The list of sources that a gateway saw."""

import tomllib
from pathlib import Path

from city.reading import Reading
from gateway.config import load_config
from gateway.naming import Source, Sources, snippet
from gateway.naming.sources import SourceState

NOW = 1_764_900_000 * 10**9
MINUTE_NS = 60 * 10**9


def note(
    sources: Sources,
    device: str,
    at_ns: int = NOW,
    state: SourceState = SourceState.DISCOVERED,
    kind: str = "weather",
    **values: float,
) -> None:
    reading = Reading(device, kind, at_ns - 5 * 10**9, values or {"temperature": 1.0})
    source = sources.find(device) or sources.add(Source(device, device, {kind}, state, "mqtt:ttn", at_ns))
    source.note(reading, reading, at_ns)


def test_a_source_shows_when_it_was_heard_and_how_often() -> None:
    sources = Sources()
    for minute in range(4):
        note(sources, "eui-1", NOW + 20 * minute * MINUTE_NS)
    note(sources, "eui-2")
    assert [source.id for source in sources.all()] == ["eui-2", "eui-1"]
    assert sources.all()[1].plain() == {
        "source": "eui-1",
        "device": "eui-1",
        "kinds": ["weather"],
        "state": "discovered",
        "origin": "mqtt:ttn",
        "readings": 4,
        "readings_an_hour": 3.0,
        "first": "2025-12-05T02:00:00Z",
        "last": "2025-12-05T03:00:00Z",
        "measured": "2025-12-05T02:59:55Z",
        "quantities": ["temperature"],
        "unread": {},
    }
    assert sources.all()[0].plain()["readings_an_hour"] is None


def test_the_list_is_bounded_and_forgets_who_was_silent_for_longest() -> None:
    sources = Sources(max_sources=3)
    for number in (1, 2, 3, 1, 4, 5):
        note(sources, f"eui-{number}")
    assert [source.id for source in sources.all()] == ["eui-5", "eui-4", "eui-1"]
    assert (len(sources), sources.forgotten) == (3, 2)


def test_what_nobody_named_is_ready_for_the_file(tmp_path: Path) -> None:
    sources = Sources()
    assert tomllib.loads(snippet(sources.all())) == {}
    note(sources, "eui-1", temperature=1, co2_ppm=3)
    note(sources, "aq-7", state=SourceState.NAMED)
    note(sources, "w-1", state=SourceState.MAPPED)
    text = snippet(sources.all())
    (tmp_path / "gateway.toml").write_text(text)
    load_config(tmp_path / "gateway.toml")
    assert tomllib.loads(text) == {"sources": {"eui-1": {"device": "eui-1", "kind": "weather"}}}
    note(sources, "eui-2", kind="sensor")
    assert tomllib.loads(snippet(sources.all()))["sources"]["eui-2"] == {"device": "eui-2"}, "no kind that is none"
    note(sources, "imei-1", kind="vehicle")
    note(sources, "imei-1", kind="cargo")
    truck = tomllib.loads(snippet(sources.all()))["sources"]["imei-1"]
    assert truck == {"device": "imei-1"}, "no kind that would be that of all its readings"
    assert '# co2_ppm = { quantity = "..."' in text
