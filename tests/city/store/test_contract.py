"""What every adapter of the store does; one suite for all of them."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from city.batch import Batch, Place
from city.catalog import Aggregate
from city.errors import QueryRefused
from city.reading import Flag, Reading
from city.store import Store, open_store
from city.store.port import (
    ALL,
    InstantsQuery,
    Latest,
    LatestQuery,
    Only,
    Selection,
    Series,
    SeriesQuery,
    Value,
)

T = 1_764_900_000_000_000_000
S = 1_000_000_000
MINUTE = 60 * S
GOOD, SUSPECT, FAIL = int(Flag.GOOD), int(Flag.SUSPECT), int(Flag.FAIL)

_numbers = count(1)
_examples = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)


def reading(
    device: str,
    time_ns: int,
    values: dict[str, float],
    flags: dict[str, int] | None = None,
    *,
    at: tuple[float, float] | None = None,
    kind: str = "weather",
) -> Reading:
    lat, lon = at or (None, None)
    return Reading(device, kind, time_ns, values, lat, lon, {key: int(flag) for key, flag in (flags or {}).items()})


async def put(store: Store, *readings: Reading, places: dict[str, Place] | None = None) -> None:
    batch = Batch.from_readings(readings)
    batch.rx_ns = T + next(_numbers) * S
    if places:
        batch.places = [places[device] for device in batch.devices]
    outcome = await store.write(batch)
    assert outcome.rejected == {}


async def ask(
    store: Store,
    device: str,
    quantity: str,
    start_ns: int = T,
    end_ns: int = T + 3600 * S,
    *,
    every_ns: int | None = None,
    aggregate: Aggregate = Aggregate.MEAN,
    kind: str = "weather",
) -> Series | None:
    question = SeriesQuery({device: (kind,)}, Only.of(quantity), start_ns, end_ns, every_ns, aggregate)
    answer = await store.series(question)
    assert answer.next_ns is None
    assert len(answer.series) <= 1
    return answer.series[0] if answer.series else None


async def points(store: Store, device: str, quantity: str, *, kind: str = "weather") -> list[Value]:
    found = await ask(store, device, quantity, 0, T + 10**9 * S, kind=kind)
    return found.points if found else []


async def newest(store: Store, device: str) -> Latest:
    (latest,) = await store.latest(LatestQuery(devices=Only.of(device)))
    return latest


async def test_what_is_written_is_read(store: Store) -> None:
    await put(store, reading("d", T, {"temperature": 31.5, "humidity": 60.0}))
    assert await points(store, "d", "temperature") == [Value(T, 31.5, GOOD)]
    assert await points(store, "d", "humidity") == [Value(T, 60.0, GOOD)]


async def test_an_empty_batch_is_no_trouble(store: Store) -> None:
    batch = Batch.from_readings([reading("d", T, {"temperature": 1.0})])
    await store.write(batch.take(np.zeros(0, np.intp)))
    hollow = Batch("weather", ["d"], np.zeros(1, np.int32), np.array([T]), {"temperature": np.array([np.nan])})
    await store.write(hollow)
    assert await store.latest(LatestQuery()) == []


async def test_writing_twice_is_writing_once(store: Store) -> None:
    rows = [reading("d", T + i * MINUTE, {"temperature": float(i), "humidity": i + 0.5}) for i in range(10)]
    for _ in range(3):
        await put(store, *rows)
    found = await ask(store, "d", "temperature", every_ns=3600 * S, aggregate=Aggregate.COUNT)
    assert found is not None
    assert [value for _, value, _ in found.points] == [10.0]
    assert len(await points(store, "d", "humidity")) == 10


async def test_the_last_of_a_batch_wins(store: Store) -> None:
    await put(
        store,
        reading("d", T, {"temperature": 1.0, "humidity": 5.0}),
        reading("e", T, {"temperature": 7.0}),
        reading("d", T, {"temperature": 2.0}),
        reading("d", T, {"temperature": 3.0, "rssi": -70.0}),
    )
    assert await points(store, "d", "temperature") == [Value(T, 3.0, GOOD)]
    assert await points(store, "d", "humidity") == [Value(T, 5.0, GOOD)]
    assert await points(store, "d", "rssi") == [Value(T, -70.0, GOOD)]
    assert await points(store, "e", "temperature") == [Value(T, 7.0, GOOD)]


async def test_the_last_batch_wins(store: Store) -> None:
    await put(store, reading("d", T, {"temperature": 1.0}), reading("d", T + S, {"temperature": 5.0}))
    await put(store, reading("d", T, {"temperature": 2.0}))
    assert await points(store, "d", "temperature") == [Value(T, 2.0, GOOD), Value(T + S, 5.0, GOOD)]
    await put(store, reading("d", T + S, {"temperature": 6.0}))
    assert (await newest(store, "d")).values == {"temperature": Value(T + S, 6.0, GOOD)}


async def test_late_rows_find_their_place(store: Store) -> None:
    await put(store, *(reading("d", T + i * S, {"temperature": float(i)}) for i in (5, 9)))
    await put(store, *(reading("d", T + i * S, {"temperature": float(i)}) for i in (7, 1, 12, 3)))
    assert [v for _, v, _ in await points(store, "d", "temperature")] == [1.0, 3.0, 5.0, 7.0, 9.0, 12.0]
    assert (await newest(store, "d")).values["temperature"].value == 12.0


async def test_parts_of_an_instant_stay_both(store: Store) -> None:
    await put(store, reading("d", T, {"temperature": 1.0, "humidity": 50.0}, {"temperature": SUSPECT}))
    await put(store, reading("d", T, {"rssi": -60.0}, at=(15.0, 102.0)))
    latest = await newest(store, "d")
    assert latest.values == {
        "temperature": Value(T, 1.0, SUSPECT),
        "humidity": Value(T, 50.0, GOOD),
        "rssi": Value(T, -60.0, GOOD),
    }
    assert (latest.lat, latest.lon) == (15.0, 102.0)


async def test_failed_values_are_kept_but_enter_no_aggregate(store: Store) -> None:
    await put(
        store,
        reading("d", T, {"temperature": 10.0}),
        reading("d", T + S, {"temperature": 999.0}, {"temperature": FAIL}),
        reading("d", T + 2 * S, {"temperature": 20.0}, {"temperature": SUSPECT}),
    )
    raw = await points(store, "d", "temperature")
    assert raw == [Value(T, 10.0, GOOD), Value(T + S, 999.0, FAIL), Value(T + 2 * S, 20.0, SUSPECT)]
    for aggregate, value in (
        (Aggregate.MEAN, 15.0),
        (Aggregate.MAX, 20.0),
        (Aggregate.COUNT, 2.0),
        (Aggregate.SUM, 30.0),
        (Aggregate.P99, 20.0),
    ):
        found = await ask(store, "d", "temperature", every_ns=MINUTE, aggregate=aggregate)
        assert found is not None
        assert found.points == [Value(T // MINUTE * MINUTE, value, SUSPECT)]
        assert found.worst_flag == FAIL


async def test_a_bucket_of_failed_values_is_absent(store: Store) -> None:
    await put(store, *(reading("d", T + i * S, {"temperature": 9.0}, {"temperature": FAIL}) for i in range(3)))
    found = await ask(store, "d", "temperature", every_ns=MINUTE)
    assert found == Series("d", "temperature", "weather", [], 0.0, FAIL)
    assert (await newest(store, "d")).values == {"temperature": Value(T + 2 * S, 9.0, FAIL)}


@pytest.mark.parametrize(("before", "after"), [(FAIL, GOOD), (GOOD, FAIL), (SUSPECT, GOOD), (FAIL, SUSPECT)])
@pytest.mark.parametrize("reopened", [False, True])
async def test_a_value_written_anew_takes_its_new_flag(
    store: Store, store_url: str, before: int, after: int, *, reopened: bool
) -> None:
    await put(store, reading("d", T, {"temperature": 1.0}, {"temperature": before}))
    await put(store, reading("d", T + S, {"temperature": 2.0}, {"temperature": before}))
    if reopened:
        await store.aclose()
        store = await open_store(store_url)
    await put(store, *(reading("d", T + i * S, {"temperature": 5.0 + i}, {"temperature": after}) for i in range(2)))
    assert await points(store, "d", "temperature") == [Value(T, 5.0, after), Value(T + S, 6.0, after)]
    assert (await newest(store, "d")).values == {"temperature": Value(T + S, 6.0, after)}
    aggregated = await ask(store, "d", "temperature", every_ns=MINUTE)
    assert aggregated is not None
    assert aggregated.points == ([] if after == FAIL else [Value(T, 5.5, after)])
    assert aggregated.worst_flag == after
    if reopened:
        await store.aclose()


async def test_the_flag_goes_with_the_value_inside_a_batch(store: Store) -> None:
    await put(
        store,
        reading("d", T, {"temperature": 999.0, "humidity": 1.0}, {"temperature": FAIL, "humidity": SUSPECT}),
        reading("d", T, {"temperature": 20.0}),
    )
    assert await points(store, "d", "temperature") == [Value(T, 20.0, GOOD)]
    assert await points(store, "d", "humidity") == [Value(T, 1.0, SUSPECT)]


async def test_sparse_columns_hold_only_what_was_said(store: Store) -> None:
    rows = [reading("d", T + i * S, {("temperature", "humidity", "rssi")[i % 3]: float(i)}) for i in range(30)]
    await put(store, *rows)
    for offset, quantity in enumerate(("temperature", "humidity", "rssi")):
        assert [v for _, v, _ in await points(store, "d", quantity)] == [float(i) for i in range(offset, 30, 3)]


async def test_positions_are_kept_and_given_when_named(store: Store) -> None:
    car = "vehicle"
    await put(
        store,
        reading("d", T, {"speed": 40.0}, at=(14.97, 102.1), kind=car),
        reading("d", T + S, {"speed": 41.0}, kind=car),
        reading("d", T + 2 * S, {"speed": 42.0}, at=(-14.98, -102.25), kind=car),
    )
    latest = await newest(store, "d")
    assert (latest.lat, latest.lon, latest.time_ns) == (-14.98, -102.25, T + 2 * S)
    assert set(latest.values) == {"speed"}
    assert [v for _, v, _ in await points(store, "d", "lat", kind=car)] == [14.97, -14.98]
    answer = await store.series(SeriesQuery({"d": (car,)}, ALL, T, T + 60 * S))
    assert [series.quantity for series in answer.series] == ["speed"]


async def test_what_a_device_measures_as_two_kinds_stays_apart(store: Store) -> None:
    for kind, value in (("vehicle", 11.0), ("cargo", 22.0)):
        rows = [Reading("t", kind, T + i * S, {"battery": value + i, f"of_{kind}": 1.0}) for i in range(3)]
        await store.write(Batch.from_readings(rows))
    both = {"t": ("vehicle", "cargo")}
    for every_ns in (None, MINUTE):
        answer = await store.series(SeriesQuery(both, ALL, T, T + MINUTE, every_ns, Aggregate.MAX))
        named = {(series.quantity, series.kind): series.points[-1].value for series in answer.series}
        assert list(named) == [
            ("battery", "cargo"),
            ("battery", "vehicle"),
            ("of_cargo", "cargo"),
            ("of_vehicle", "vehicle"),
        ]
        assert (named["battery", "cargo"], named["battery", "vehicle"]) == (24.0, 13.0)
    answer = await store.series(SeriesQuery({"t": ("cargo",)}, Only.of("battery"), T, T + MINUTE))
    assert [(series.kind, len(series.points)) for series in answer.series] == [("cargo", 3)]


NONE = Only(frozenset())


@pytest.mark.parametrize(("devices", "kinds"), [(NONE, ALL), (ALL, NONE), (NONE, NONE)])
async def test_an_empty_selection_selects_nothing(store: Store, devices: Selection, kinds: Selection) -> None:
    await put(store, reading("d", T, {"temperature": 1.0}))
    assert await store.latest(LatestQuery(devices, kinds)) == []
    assert (await store.series(SeriesQuery({}, ALL, T, T + S))).series == []
    assert (await store.series(SeriesQuery({"d": ("weather",)}, NONE, T, T + S))).series == []


async def test_strangers_are_no_error(store: Store) -> None:
    nasty = "x' OR 'a' = 'a"
    await put(store, reading("d", T, {"temperature": 1.0}))
    assert await store.latest(LatestQuery(devices=Only.of("e", nasty))) == []
    assert await store.latest(LatestQuery(devices=Only.of(nasty))) == []
    assert await store.latest(LatestQuery(kinds=Only.of("noise", 'x"; DROP SERIES FROM /.*/ --'))) == []
    asked = SeriesQuery({"e": ("weather",), nasty: ("weather",), "d": ("noise",)}, ALL, T, T + S)
    assert (await store.series(asked)).series == []
    asked = SeriesQuery({"d": ("weather",)}, Only.of('temperature" FROM weather; --', "humidity"), T, T + S)
    assert (await store.series(asked)).series == []
    await store.forget(nasty, 0, 2 * T)
    assert len(await points(store, "d", "temperature")) == 1


async def test_latest_is_sorted_and_selected(store: Store) -> None:
    await put(store, reading("b", T, {"temperature": 1.0}), reading("a.b-c_1", T + S, {"humidity": 2.0}))
    await put(store, reading("c", T, {"speed": 1.0}, kind="vehicle"), reading("b", T, {"speed": 2.0}, kind="vehicle"))
    everything = await store.latest(LatestQuery())
    assert [(one.device, one.kind) for one in everything] == [
        ("a.b-c_1", "weather"),
        ("b", "vehicle"),
        ("b", "weather"),
        ("c", "vehicle"),
    ]
    chosen = await store.latest(LatestQuery(Only.of("a.b-c_1", "b"), Only.of("weather")))
    assert [one.device for one in chosen] == ["a.b-c_1", "b"]


async def test_latest_takes_each_quantity_at_its_own_instant(store: Store) -> None:
    await put(store, reading("d", T + S, {"temperature": 1.0}), reading("d", T + 2 * S, {"humidity": 2.0}))
    await put(store, reading("d", T, {"humidity": 9.0}), reading("d", T + 3 * S, {"rssi": 3.0}, {"rssi": FAIL}))
    assert (await newest(store, "d")).values == {
        "temperature": Value(T + S, 1.0, GOOD),
        "humidity": Value(T + 2 * S, 2.0, GOOD),
        "rssi": Value(T + 3 * S, 3.0, FAIL),
    }


AGGREGATES = {
    Aggregate.MEAN: np.mean,
    Aggregate.MIN: np.min,
    Aggregate.MAX: np.max,
    Aggregate.SUM: np.sum,
    Aggregate.COUNT: len,
    Aggregate.FIRST: lambda values: values[0],
    Aggregate.LAST: lambda values: values[-1],
}


def percentile(values: list[float], percent: int) -> float:
    return sorted(values)[max(1, math.floor(len(values) * percent / 100 + 0.5)) - 1]


def expected_aggregate(rows: Sequence[tuple[int, float, int]], every_ns: int, aggregate: Aggregate) -> list[Value]:
    buckets: dict[int, list[tuple[float, int]]] = {}
    for time, value, flag in sorted(rows):
        if flag < FAIL:
            buckets.setdefault(time - time % every_ns, []).append((value, flag))
    answer = []
    for start, held in sorted(buckets.items()):
        values = [value for value, _ in held]
        aggregated = (
            AGGREGATES[aggregate](values) if aggregate in AGGREGATES else percentile(values, int(aggregate[1:]))
        )
        answer.append(Value(start, float(aggregated), max(flag for _, flag in held)))
    return answer


_row = st.tuples(
    st.integers(0, 600),
    st.floats(-1e6, 1e6).map(lambda value: round(value, 3)),
    st.sampled_from([GOOD, GOOD, GOOD, 2, SUSPECT, FAIL]),
)


@_examples
@given(
    rows=st.lists(_row, min_size=1, max_size=40, unique_by=lambda row: row[0]),
    every_s=st.sampled_from([1, 7, 60, 86_400]),
    begin=st.sampled_from([T, -300 * S]),
    aggregate=st.sampled_from(Aggregate),
)
async def test_aggregates_agree_with_numpy(
    store: Store, rows: list[tuple[int, float, int]], every_s: int, begin: int, aggregate: Aggregate
) -> None:
    device = f"d{next(_numbers)}"
    stored = [(begin + second * S, value, flag) for second, value, flag in rows]
    await put(store, *(reading(device, t, {"temperature": v}, {"temperature": f}) for t, v, f in stored))
    found = await ask(store, device, "temperature", begin, begin + 601 * S, every_ns=every_s * S, aggregate=aggregate)
    assert found is not None
    expected = expected_aggregate(stored, every_s * S, aggregate)
    assert [(time, flag) for time, _, flag in found.points] == [(time, flag) for time, _, flag in expected]
    assert [value for _, value, _ in found.points] == pytest.approx([value for _, value, _ in expected], abs=1e-6)
    assert found.worst_flag == max(flag for *_, flag in rows)


async def test_buckets_are_aligned_to_the_epoch_and_ranges_half_open(store: Store) -> None:
    await put(store, *(reading("d", T + i * 10 * S, {"temperature": float(i)}) for i in range(12)))
    found = await ask(store, "d", "temperature", T + 25 * S, T + 110 * S, every_ns=45 * S, aggregate=Aggregate.COUNT)
    assert found is not None
    assert all(time % (45 * S) == 0 for time, _, _ in found.points)
    assert sum(value for _, value, _ in found.points) == 8  # seconds 30 to 100; 110 is outside
    raw = await ask(store, "d", "temperature", T + 20 * S, T + 40 * S)
    assert raw is not None
    assert [value for _, value, _ in raw.points] == [2.0, 3.0]


async def test_completeness_counts_instants_with_a_value_fit_for_use(store: Store) -> None:
    rows = [reading("d", T + i * MINUTE, {"temperature": 1.0}) for i in range(20)]
    await put(store, *rows, *rows)
    await put(store, *(reading("d", T + i * MINUTE, {"temperature": 1.0}, {"temperature": FAIL}) for i in (30, 31)))
    for every_ns in (None, MINUTE):  # weather is expected once a minute
        found = await ask(store, "d", "temperature", T, T + 40 * MINUTE, every_ns=every_ns)
        assert found is not None
        assert found.completeness == 0.5
    found = await ask(store, "d", "temperature", T, T + MINUTE // 2)
    assert found is not None
    assert found.completeness == 1.0


@pytest.mark.parametrize("every_ns", [None, 2 * S])
@pytest.mark.parametrize("max_points", [10, 17, 1000])
async def test_pages_visit_everything_once(store: Store, every_ns: int | None, max_points: int) -> None:
    rng = np.random.default_rng(7)
    times = {device: sorted(rng.choice(200, 25, replace=False).tolist()) for device in ("a", "b", "c")}
    gap = 10_000_000 * S  # a long silence in the middle
    rows = [
        reading(device, T + second * S + (gap if second > 100 else 0), {"temperature": 1.0, "humidity": 2.0})
        for device, seconds in times.items()
        for second in seconds
    ]
    await put(store, *rows)
    devices = dict.fromkeys(times, ("weather",))
    start, end = 0, 3 * T
    seen: list[tuple[str, str, int, float]] = []
    pages = 0
    while True:
        answer = await store.series(SeriesQuery(devices, ALL, start, end, every_ns, Aggregate.COUNT, max_points))
        got = [(s.device, s.quantity, *point[:2]) for s in answer.series for point in s.points]
        assert len(got) <= max_points
        assert answer.next_ns is None or all(start - 2 * S < time < answer.next_ns for _, _, time, _ in got)
        seen += got
        pages += 1
        if answer.next_ns is None:
            break
        assert got, "a page without points doesn't get on"
        start = answer.next_ns
    whole = await store.series(SeriesQuery(devices, ALL, 0, end, every_ns, Aggregate.COUNT))
    expected = [(s.device, s.quantity, *point[:2]) for s in whole.series for point in s.points]
    assert sorted(seen) == expected
    assert (pages > 1) == (len(expected) > max_points)


async def test_an_instant_that_never_fits_is_refused(store: Store) -> None:
    await put(store, *(reading(f"d{i}", T, {"temperature": 1.0}) for i in range(5)))
    devices = {f"d{i}": ("weather",) for i in range(5)}
    for every_ns in (None, MINUTE):
        with pytest.raises(QueryRefused):
            await store.series(SeriesQuery(devices, ALL, T, T + S, every_ns, max_points=4))


async def test_series_are_sorted_by_device_and_quantity(store: Store) -> None:
    await put(store, *(reading(d, T, {"temperature": 1.0, "humidity": 2.0}) for d in ("b", "a")))
    await put(store, reading("a1", T, {"speed": 1.0}, kind="vehicle"))
    answer = await store.series(
        SeriesQuery({"b": ("weather",), "a": ("weather",), "a1": ("vehicle",)}, ALL, T, T + S, every_ns=S)
    )
    keys = [(series.device, series.quantity) for series in answer.series]
    assert keys == [("a", "humidity"), ("a", "temperature"), ("a1", "speed"), ("b", "humidity"), ("b", "temperature")]


async def test_kinds_keep_apart_what_one_device_says(store: Store) -> None:
    await put(store, reading("d", T, {"temperature": 1.0}))
    await put(store, reading("d", T, {"temperature": 2.0}, kind="cargo"))
    assert await points(store, "d", "temperature") == [Value(T, 1.0, GOOD)]
    assert await points(store, "d", "temperature", kind="cargo") == [Value(T, 2.0, GOOD)]


async def test_a_device_that_gets_an_owner_stays_one_device(store: Store) -> None:
    found, given_away = {"d": Place("th-30")}, {"d": Place("th-30", "th-3001", "korat transit, ltd=1")}
    rows = [reading("d", T + i * S, {"temperature": float(i)}) for i in range(4)]
    await put(store, *rows, places=found)
    again = [reading("d", T + i * S, {"temperature": 10.0 + i}) for i in (2, 3, 4)]
    await put(store, *again, places=given_away)
    assert [v for _, v, _ in await points(store, "d", "temperature")] == [0.0, 1.0, 12.0, 13.0, 14.0]
    aggregated = await ask(store, "d", "temperature", every_ns=MINUTE, aggregate=Aggregate.SUM)
    assert aggregated is not None
    assert [v for _, v, _ in aggregated.points] == [40.0]
    assert (await newest(store, "d")).values["temperature"] == Value(T + 4 * S, 14.0, GOOD)


async def test_forget_takes_a_half_open_range_of_one_device(store: Store) -> None:
    for kind in ("weather", "cargo"):
        rows = [reading(d, T + i * S, {"temperature": float(i)}, kind=kind) for d in ("d", "e") for i in range(5)]
        await put(store, *rows)
    await store.forget("d", T + S, T + 4 * S)
    assert [v for _, v, _ in await points(store, "d", "temperature")] == [0.0, 4.0]
    assert [v for _, v, _ in await points(store, "d", "temperature", kind="cargo")] == [0.0, 4.0]
    assert len(await points(store, "e", "temperature")) == 5
    await store.forget("d", T + 4 * S, T + 5 * S)
    assert {one.values["temperature"].value for one in await store.latest(LatestQuery(Only.of("d")))} == {0.0}
    await store.forget("d", 0, 2 * T)
    assert await store.latest(LatestQuery(devices=Only.of("d"))) == []
    await put(store, reading("d", T, {"temperature": 8.0}))
    assert await points(store, "d", "temperature") == [Value(T, 8.0, GOOD)]


@_examples
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
async def test_values_come_back_bit_by_bit(store: Store, values: list[float]) -> None:
    device = f"d{next(_numbers)}"
    values = [*values, 1e22, 5e-324, -0.0, 18.0, 1.7976931348623157e308, 2.0**53 + 2]
    await put(store, *(reading(device, T + i, {"temperature": value}) for i, value in enumerate(values)))
    read = await points(store, device, "temperature")
    assert [(time, value.hex()) for time, value, _ in read] == [(T + i, value.hex()) for i, value in enumerate(values)]


@pytest.mark.parametrize("quantity", ["a", "order", "from", "select1", "value", "series", "x_1__2", "a" * 48, "n_rx"])
async def test_odd_names_of_quantities_work(store: Store, quantity: str) -> None:
    await put(store, reading("time", T, {quantity: 1.5}), reading("0.-_", T, {quantity: 2.5}, {quantity: FAIL}))
    assert await points(store, "time", quantity) == [Value(T, 1.5, GOOD)]
    assert (await newest(store, "0.-_")).values == {quantity: Value(T, 2.5, FAIL)}


async def test_it_knows_its_quantities(store: Store, store_url: str) -> None:
    assert await store.quantities() == frozenset()
    await put(store, reading("d", T, {"soil_ph": 1.0}, at=(15.0, 102.0)))
    await put(store, reading("d", T, {"rain_rate": 1.0, "x_1": 2.0}, {"x_1": FAIL}, kind="rain"))
    assert await store.quantities() == {"soil_ph", "rain_rate", "x_1"}
    await store.aclose()
    again = await open_store(store_url)
    assert await again.quantities() == {"soil_ph", "rain_rate", "x_1"}
    await again.aclose()


async def test_ten_thousand_rows_at_once(store: Store) -> None:
    n, m = 10_000, 1_000
    index = np.arange(n, dtype=np.int32) % m
    rng = np.random.default_rng(3)
    values = {f"q{i}": np.round(rng.normal(20, 5, n), 2) for i in range(5)}
    times = T + np.arange(n) // m * S
    await store.write(Batch("weather", [f"d{i}" for i in range(m)], index, times, values, rx_ns=T))
    assert len(await store.latest(LatestQuery())) == m
    assert [v for _, v, _ in await points(store, "d7", "q3")] == values["q3"][index == 7].tolist()
    devices = {f"d{i}": ("weather",) for i in range(m)}
    answer = await store.series(SeriesQuery(devices, Only.of("q0"), T, T + MINUTE, MINUTE, Aggregate.COUNT))
    assert sum(point.value for series in answer.series for point in series.points) == n


async def test_it_pings(store: Store) -> None:
    await store.ping()


async def test_what_is_written_outlives_the_store(store: Store, store_url: str) -> None:
    await put(store, reading("d", T, {"temperature": 1.0}, at=(15.0, 102.0)))
    before = await newest(store, "d")
    await store.aclose()
    again = await open_store(store_url)
    assert await newest(again, "d") == before
    await put(again, reading("d", T, {"temperature": 2.0}), reading("d", T + S, {"temperature": 3.0}))
    assert [v for _, v, _ in await points(again, "d", "temperature")] == [2.0, 3.0]
    await again.aclose()


async def listed(store: Store, query: InstantsQuery) -> tuple[list[tuple[str, int]], list[int]]:
    """All instants of a range, and how many each answer held."""
    found: list[tuple[str, int]] = []
    sizes: list[int] = []
    start_ns = query.start_ns
    while start_ns < query.end_ns:
        page = await store.instants(replace(query, start_ns=start_ns))
        rows = [page.devices[number] for number in page.index.tolist()]
        times = page.time_ns.tolist()
        assert start_ns < page.end_ns <= query.end_ns
        assert all(start_ns <= time_ns < page.end_ns for time_ns in times)
        assert len(page.rx_ns) == len(times)
        found += zip(rows, times, strict=True)
        sizes.append(len(times))
        start_ns = page.end_ns
    return sorted(found), sizes


@pytest.mark.parametrize("limit", [6, 1000])
async def test_instants_are_listed_once_in_bounded_answers(store: Store, limit: int) -> None:
    rows = [
        reading(d, T + i * S, {"temperature": 1.0, "humidity": 50.0}, {"temperature": FAIL} if i % 2 else None)
        for d in ("d", "e")
        for i in range(10)
    ]
    await put(store, *rows)
    await put(store, reading("d", T, {"temperature": 2.0}), reading("d", T + 1, {"temperature": 2.0}))
    await put(store, reading("d", T + S, {"temperature": 1.0}, kind="cargo"))
    expected = sorted([(d, T + i * S) for d in ("d", "e") for i in range(10)] + [("d", T + 1)])
    found, sizes = await listed(store, InstantsQuery("weather", 0, 2 * T, limit=limit))
    assert found == expected
    assert max(sizes) <= limit
    only, _ = await listed(store, InstantsQuery("weather", T + S, T + 3 * S, device="e", limit=limit))
    assert only == [("e", T + S), ("e", T + 2 * S)]
    assert await listed(store, InstantsQuery("weather", T, T + S, device="nobody")) == ([], [0])
    assert (await listed(store, InstantsQuery("noise", 0, 2 * T)))[0] == []


async def test_an_instant_says_when_it_was_taken_last_also_by_another_owner(store: Store) -> None:
    await put(store, reading("d", T, {"temperature": 1.0}), places={"d": Place("th-30")})
    await put(store, reading("d", T, {"humidity": 1.0}), places={"d": Place("th-30", "", "transit")})
    page = await store.instants(InstantsQuery("weather", 0, 2 * T))
    assert page.time_ns.tolist() == [T]
    assert abs(page.rx_ns[0] - (T + (next(_numbers) - 1) * S)) <= 1000


async def test_more_at_one_instant_than_an_answer_holds_is_listed_whole(store: Store) -> None:
    await put(store, *[reading(f"d-{number}", T, {"temperature": 1.0}) for number in range(20)])
    found, _ = await listed(store, InstantsQuery("weather", T, T + 1, limit=6))
    assert len(found) == 20
