"""The simulated city is plausible, complete, and a function of seed, device and instant alone."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from city.batch import Batch, Floats
from city.catalog import NAMED_KINDS, QUANTITIES
from city.errors import ConfigurationError
from city.reading import ID_PATTERN
from simulators import province as provinces
from simulators.province import Province, load_province
from simulators.roads import bearing, distance_km
from simulators.world import World

_NS = 10**9
_HOUR = 3600 * _NS
_DAY = 24 * _HOUR


def _local(year: int, month: int, day: int, hour: float = 0.0) -> int:
    """An instant in Korat, nanoseconds UTC."""
    when = datetime(year, month, day, tzinfo=UTC) + timedelta(hours=hour - 7)
    return int(when.timestamp()) * _NS


@pytest.fixture(scope="module")
def world() -> World:
    return World("th-30", seed=30, devices=300)


def _series(world: World, kind: str, row: int, times: list[int] | np.ndarray) -> Batch:
    instants = np.array(times, np.int64)
    return world.batch(kind, np.full(len(instants), row, np.int32), instants)


def _all_at(world: World, kind: str, times: list[int] | np.ndarray) -> Batch:
    count, instants = len(world.ids(kind)), np.array(times, np.int64)
    return world.batch(kind, np.tile(np.arange(count, dtype=np.int32), len(instants)), np.repeat(instants, count))


def _mean(world: World, kind: str, quantity: str, times: list[int]) -> float:
    return float(np.nanmean(_all_at(world, kind, times).values[quantity]))


def test_every_kind_and_every_listed_quantity_is_there(world: World) -> None:
    times = [_local(2026, 3, 4, hour) for hour in range(24)]
    assert world.kinds == list(NAMED_KINDS)
    for kind, row in NAMED_KINDS.items():
        shown = _all_at(world, kind, times)
        assert set(shown.values) == set(row.quantities), kind
        assert all(np.isfinite(column).any() for column in shown.values.values()), kind


def test_ids_are_unique_and_well_formed(world: World) -> None:
    ids = [device.id for device in world.devices]
    assert len(set(ids)) == len(ids) == 300
    assert all(ID_PATTERN.fullmatch(device) for device in ids)
    assert all(device.id.startswith("th-30-") for device in world.devices)


@pytest.mark.parametrize("kind", NAMED_KINDS)
def test_all_values_of_a_year_are_in_the_catalogs_range(world: World, kind: str) -> None:
    chance = np.random.default_rng(7)
    times = _local(2026, 1, 1) + chance.integers(0, 365 * _DAY, 400)
    shown = _all_at(world, kind, times)
    for quantity, column in shown.values.items():
        row, known = QUANTITIES[quantity], column[np.isfinite(column)]
        assert row.low <= known.min() <= known.max() <= row.high, quantity
        if quantity != "state_of_charge":
            assert len(known) == len(column), quantity
    assert shown.lat is not None
    assert shown.lon is not None
    assert (shown.lat > 14.0).all()
    assert (shown.lat < 16.0).all()
    assert (shown.lon > 101.0).all()
    assert (shown.lon < 103.2).all()


def test_the_order_of_asking_does_not_matter(world: World) -> None:
    times = [_local(2026, 5, 1, hour / 3) for hour in range(40)]
    other = World("th-30", seed=30, devices=60)
    for kind in NAMED_KINDS:
        forward = _series(world, kind, 0, times)
        backward = _series(other, kind, 0, times[::-1])
        for quantity, column in forward.values.items():
            np.testing.assert_array_equal(column, backward.values[quantity][::-1], f"{kind} {quantity}")
        single = world.readings(times[3], [world.ids(kind)[0]])
        assert single == [forward.reading(3)]


def test_more_devices_leave_the_old_ones_as_they_were() -> None:
    few = {device.id: device for device in World("th-30", seed=1, devices=40).devices}
    many = {device.id: device for device in World("th-30", seed=1, devices=400).devices}
    assert few.items() <= many.items()


def test_another_seed_is_another_city(world: World) -> None:
    other, now = World("th-30", seed=31, devices=300), _local(2026, 2, 1, 9)
    mine, theirs = world.readings(now), other.readings(now)
    assert sum(a.values == b.values for a, b in zip(mine, theirs, strict=True)) < 30  # closed doors are alike


def test_a_few_devices_are_one_of_each_kind() -> None:
    assert sorted(World("th-30", seed=1, devices=len(NAMED_KINDS)).kinds) == sorted(NAMED_KINDS)
    assert len(World("th-30", seed=1, devices=3).devices) == 3


def test_traffic_has_rush_hours_on_working_days(world: World) -> None:
    wednesday, sunday = (lambda hour: _local(2026, 3, 4, hour)), (lambda hour: _local(2026, 3, 8, hour))
    rush = _mean(world, "traffic", "vehicle_count", [wednesday(7.6), wednesday(17.4)])
    assert rush > 5 * _mean(world, "traffic", "vehicle_count", [wednesday(2), wednesday(3)])
    assert rush > 2 * _mean(world, "traffic", "vehicle_count", [sunday(7.6)])
    assert _mean(world, "traffic", "speed", [wednesday(17.4)]) < _mean(world, "traffic", "speed", [wednesday(3)]) - 10
    assert _mean(world, "noise", "sound_level", [wednesday(17.4)]) > _mean(
        world, "noise", "sound_level", [wednesday(3)]
    )


def test_dust_peaks_in_the_burning_season_and_with_the_traffic(world: World) -> None:
    burning = [_local(2026, 2, day, 8) for day in range(1, 28)]
    monsoon = [_local(2026, 7, day, 8) for day in range(1, 28)]
    assert _mean(world, "air_quality", "pm2_5", burning) > 2.5 * _mean(world, "air_quality", "pm2_5", monsoon)
    noon = [time + 6 * _HOUR for time in burning]
    assert _mean(world, "air_quality", "pm2_5", burning) > 1.2 * _mean(world, "air_quality", "pm2_5", noon)


def test_temperature_follows_the_day_and_the_season(world: World) -> None:
    april = [_local(2026, 4, day, 15) for day in range(1, 28)]
    december = [_local(2026, 12, day, 15) for day in range(1, 28)]
    dawn = [time - 10 * _HOUR for time in april]
    assert _mean(world, "weather", "temperature", april) > _mean(world, "weather", "temperature", december) + 3
    assert _mean(world, "weather", "temperature", april) > _mean(world, "weather", "temperature", dawn) + 6
    assert _mean(world, "weather", "solar_radiation", [_local(2026, 4, 1, 0)]) == 0
    assert _mean(world, "weather", "solar_radiation", [_local(2026, 4, 1, 12)]) > 300


def test_rain_comes_in_bursts_mostly_on_monsoon_afternoons(world: World) -> None:
    def fall(month: int, first: int) -> float:
        times = [_local(2026, month, day, first + part / 4) for day in range(1, 29) for part in range(32)]
        return _mean(world, "rain", "rain_rate", times)

    assert fall(9, 13) > 2 * fall(9, 2)
    assert fall(9, 13) > 4 * fall(1, 13)
    september = _all_at(world, "rain", [_local(2026, 9, day, hour / 2) for day in range(1, 29) for hour in range(48)])
    assert (september.values["rain_rate"] == 0).mean() > 0.8
    assert september.values["rain_rate"].max() > 20


def test_rain_amounts_add_up_to_the_rain_of_the_day(world: World) -> None:
    minutes = [_local(2026, 9, 10) + minute * 60 * _NS for minute in range(1, 1440)]
    wet = 0
    for row in range(len(world.ids("rain"))):
        shown = _series(world, "rain", row, minutes)
        fallen, rate = shown.values["rain_amount"].sum(), shown.values["rain_rate"].sum() / 60
        assert fallen == pytest.approx(rate, abs=0.35, rel=0.02)
        wet += fallen > 0
    assert wet


def test_rivers_are_slow_and_high_after_the_monsoon(world: World) -> None:
    october = [_local(2026, 10, day, 12) for day in range(1, 28)]
    april = [_local(2026, 4, day, 12) for day in range(1, 28)]
    assert _mean(world, "water_level", "level", october) > _mean(world, "water_level", "level", april) + 0.5
    assert _mean(world, "water_level", "flow", october) > 2 * _mean(world, "water_level", "flow", april)
    shown = _series(world, "water_level", 0, [_local(2026, 9, 1) + step * 300 * _NS for step in range(10 * 288)])
    assert np.abs(np.diff(shown.values["level"])).max() < 0.25


def test_lamps_burn_from_dusk_to_dawn(world: World) -> None:
    assert _mean(world, "street_light", "lamp_on", [_local(2026, 6, 1, 12)]) == 0
    assert _mean(world, "street_light", "lamp_on", [_local(2026, 6, 1, hour) for hour in (20, 23, 4)]) == 1
    half_past_six = 18.5  # the sun sets at about 17:40 in November and at about 18:50 in June
    assert _mean(world, "street_light", "lamp_on", [_local(2026, 11, 20, half_past_six)]) == 1
    assert _mean(world, "street_light", "lamp_on", [_local(2026, 6, 20, half_past_six)]) == 0


def test_car_parks_are_full_when_the_city_is_awake(world: World) -> None:
    night, day = _local(2026, 3, 4, 3), [_local(2026, 3, 4, 12), _local(2026, 3, 4, 18)]
    assert _mean(world, "parking", "spaces_free", [night]) > 1.3 * _mean(world, "parking", "spaces_free", day)
    shown = _all_at(world, "parking", [_local(2026, 3, 4, hour) for hour in range(24)])
    assert (shown.values["spaces_free"] <= shown.values["spaces_total"]).all()


def test_bins_fill_by_day_and_are_emptied(world: World) -> None:
    times = [_local(2026, 3, 1) + hour * _HOUR for hour in range(14 * 24)]
    for row in range(len(world.ids("waste_bin"))):
        level = np.diff(_series(world, "waste_bin", row, times).values["fill_level"])
        emptied = level < -20
        assert 4 <= emptied.sum() <= 14
        assert (level[~emptied] >= 0).all()


@pytest.mark.parametrize("kind", ["energy_meter", "street_light", "ev_charger"])
def test_energy_never_falls_and_is_the_integral_of_the_power(world: World, kind: str) -> None:
    minutes = _local(2026, 2, 27, 20) + np.arange(3 * 1440) * 60 * _NS
    years = _local(2021, 1, 1) + np.arange(2000) * (_DAY + 7 * _HOUR)
    for row in range(0, len(world.ids(kind)), 3):
        shown = _series(world, kind, row, minutes)
        energy, power = shown.values["energy"], shown.values["power"]
        assert (np.diff(energy) >= 0).all()
        assert (np.diff(_series(world, kind, row, years).values["energy"]) >= 0).all()
        integral = (power[:-1] + power[1:]).sum() / 2 / 60 / 1000
        assert energy[-1] - energy[0] == pytest.approx(integral, rel=0.03)


def test_a_charging_car_gains_and_an_empty_charger_shows_no_car(world: World) -> None:
    minutes = _local(2026, 2, 27) + np.arange(1440) * 60 * _NS
    for row in range(len(world.ids("ev_charger"))):
        values = _series(world, "ev_charger", row, minutes).values
        charging = values["charging"] == 1
        assert 0 < charging.sum() < 1440
        np.testing.assert_array_equal(charging, np.isfinite(values["state_of_charge"]))
        assert (values["power"][~charging] == 0).all()
        together = charging[:-1] & charging[1:]
        assert (np.diff(values["state_of_charge"])[together] >= 0).all()


@pytest.mark.parametrize(("kind", "step_s"), [("vehicle", 5), ("mapping_robot", 5)])
def test_positions_agree_with_speed_and_heading(world: World, kind: str, step_s: int) -> None:
    times = _local(2026, 3, 4) + np.arange(0, 86_400, step_s) * _NS
    moved = 0.0
    for row in range(0, len(world.ids(kind)), 4):
        shown = _series(world, kind, row, times)
        way, lat, lon = _way(shown)
        moved += float(way.sum())
        mean_speed = (shown.values["speed"][:-1] + shown.values["speed"][1:]) / 2
        np.testing.assert_allclose(way / step_s * 3600, mean_speed, atol=2.5)
        far = way > 0.5 * way.max()
        course = bearing(lat[:-1], lon[:-1], lat[1:], lon[1:])[far]
        off = np.abs((course - shown.values["heading"][:-1][far] + 180) % 360 - 180)
        assert np.percentile(off, 95) < 5
    assert moved > 1


def test_the_odometer_is_the_way_and_never_falls(world: World) -> None:
    times = _local(2026, 3, 3) + np.arange(0, 2 * 86_400, 10) * _NS
    years = _local(2024, 1, 1) + np.arange(2500) * (13 * _HOUR)
    for row in range(0, len(world.ids("vehicle")), 5):
        shown = _series(world, "vehicle", row, times)
        odometer = shown.values["odometer"]
        assert (np.diff(odometer) >= 0).all()
        assert odometer[-1] - odometer[0] == pytest.approx(float(_way(shown)[0].sum()), rel=0.01, abs=0.2)
        assert (np.diff(_series(world, "vehicle", row, years).values["odometer"]) >= 0).all()


def test_a_load_travels_with_its_vehicle_and_warms_when_its_door_opens(world: World) -> None:
    times = _local(2026, 3, 4) + np.arange(1440) * 60 * _NS
    warmer = []
    for row in range(len(world.ids("cargo"))):
        load, van = _series(world, "cargo", row, times), _series(world, "vehicle", row, times)
        np.testing.assert_array_equal(load.lat, van.lat)
        opened = load.values["door_open"] == 1
        if opened.any():
            warmer.append(load.values["temperature"][opened].mean() - load.values["temperature"][:240].mean())
    assert np.mean(warmer) > 0.5


def test_docks_and_containers_change(world: World) -> None:
    times = [_local(2026, 3, 2) + quarter * _HOUR // 4 for quarter in range(14 * 96)]
    dock, box = _all_at(world, "dock", times), _all_at(world, "container", times)
    assert 0.1 < dock.values["occupied"].mean() < 0.6
    assert (dock.values["door_open"] <= dock.values["occupied"]).all()
    assert len(set(_series(world, "container", 0, times).values["weight"])) > 1
    assert 0 < box.values["door_open"].mean() < 0.1


def test_no_value_jumps_between_two_minutes(world: World) -> None:
    times = [_local(2026, 9, 10, 0.5) + minute * 60 * _NS for minute in range(1440)]
    most = {"temperature": 1.0, "humidity": 4.0, "pm2_5": 3.0, "pressure": 0.3, "level": 0.1}
    for kind in ("weather", "air_quality", "water_level"):
        for row in range(4):
            for quantity, column in _series(world, kind, row, times).values.items():
                if quantity in most:
                    assert np.abs(np.diff(column)).max() <= most[quantity], f"{kind} {quantity}"


@pytest.mark.parametrize("code", ["th-99", "../th-30", "th-30/..", ""])
def test_a_province_without_a_profile_is_refused_with_a_sentence(code: str) -> None:
    with pytest.raises(ConfigurationError, match="no simulated province"):
        load_province(code)


def _altered(**changes: object) -> Province:
    return msgspec.structs.replace(load_province("th-30"), **changes)


def test_a_profile_that_contradicts_itself_is_refused() -> None:
    whole = load_province("th-30")
    refused = [
        (_altered(zone="Europe/Berlin"), "daylight saving"),
        (_altered(zone="Asia/Nowhere"), "time zone"),
        (_altered(kinds={}), "lacks"),
        (_altered(roads=[]), "no road carries"),
        (_altered(kinds=whole.kinds | {"ufo": whole.kinds["dock"]}), "no kind"),
        (_altered(districts=whole.districts[1:]), "unknown district"),
    ]
    for profile, sentence in refused:
        with pytest.raises(ConfigurationError, match=sentence):
            provinces._check(profile, "profile")


def test_districts_and_roads_of_the_profile_are_sound() -> None:
    whole = load_province("th-30")
    assert len(whole.districts) == len({district.key for district in whole.districts}) == 32
    for road in whole.roads:
        for (lat1, lon1), (lat2, lon2) in pairwise(road.points):
            leg = float(distance_km(np.array([lat1]), np.array([lon1]), np.array([lat2]), np.array([lon2]))[0])
            assert 0.01 < leg < 40


def _way(shown: Batch) -> tuple[Floats, Floats, Floats]:
    assert shown.lat is not None
    assert shown.lon is not None
    way = distance_km(shown.lat[:-1], shown.lon[:-1], shown.lat[1:], shown.lon[1:])
    return way, shown.lat, shown.lon
