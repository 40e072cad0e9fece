"""Recorded data through gateway, broker, ingest and store, and back from the API, value for value."""

import csv
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from support.korat import room
from support.ports import free_port
from support.process import Process

Expected = dict[tuple[str, str], dict[str, float]]
"""(device, quantity) to RFC 3339 time to value."""

BANGKOK = timezone(timedelta(hours=7))


@dataclass
class Platform:
    """A whole embedded platform as its users have it: a process and ports."""

    process: Process
    environment: dict[str, str]
    api: int
    gateway: int

    def get(self, path: str, **query: object) -> Any:
        link = http.client.HTTPConnection("127.0.0.1", self.api, timeout=30)
        link.request("GET", f"{path}?{urlencode(query, doseq=True)}")
        answer = link.getresponse()
        body = json.loads(answer.read())
        link.close()
        assert answer.status == http.client.OK, body
        return body

    def replay(self, file: Path, mapping: str, *more: str) -> None:
        """Replay as fast as it goes through the gateway, and wait until ingest has settled all of it."""
        before = self.get("/v1/ledger")
        via = f"http://127.0.0.1:{self.gateway}/ingest/native"
        program = Path(sys.executable).with_name("korat")
        command = [program, "replay", file, "--mapping", mapping, "--speed", "max", "--via", via, *more]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=100)
        assert done.returncode == 0, done.stderr
        sent = int(done.stderr.rpartition(" confirmed")[0].rpartition(", ")[2].rpartition(" ")[2].replace(",", ""))
        for _ in range(600):
            now = self.get("/v1/ledger")
            if now["received"] - before["received"] >= sent and now["pending"] == 0:
                break
        assert now["received"] - before["received"] == sent
        assert now["quarantined"] == now["rejected"] == now["duplicate"] == now["gaps"] == 0

    def series(self, devices: list[str], start: str, end: str, **more: object) -> Expected:
        """All points of some devices, week by week because a raw question may not be longer."""
        found: Expected = {}
        begin, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
        while begin < last:
            until = min(last, begin + timedelta(days=7))
            query: dict[str, object] = {"device": devices, "start": begin.isoformat(), "end": until.isoformat(), **more}
            while query.get("cursor", "") is not None:
                answer = self.get("/v1/readings", **query)
                for one in answer["series"]:
                    points = {time: value for time, value, _ in one["points"]}
                    found.setdefault((one["device"], one["quantity"]), {}).update(points)
                query["cursor"] = answer["next"]
            begin = until
        return found


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("real")
    api, gateway = free_port(), free_port()
    environment = {
        "KORAT_MQTT_PORT": str(free_port()),
        "KORAT_API_PORT": str(api),
        "KORAT_GATEWAY_HTTP_PORT": str(gateway),
    }
    with room("up --no-demo", folder, environment, ready_port=gateway) as process:
        yield Platform(process, {**environment, "PATH": "/usr/bin:/bin"}, api, gateway)


def spelled(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z").replace(".000000Z", "Z")


def compare(platform: Platform, expected: Expected, start: str, end: str) -> int:
    """Every series equals the file's, and there is no other; how many values that were."""
    found = platform.series(sorted({device for device, _ in expected}), start, end)
    assert found == expected
    return sum(map(len, expected.values()))


AIR4THAI = {
    "PM25": "pm2_5", "PM10": "pm10", "O3": "o3", "CO": "co", "NO2": "no2", "SO2": "so2",
    "WS": "wind_speed", "TEMP": "temperature", "RH": "humidity", "WD": "wind_direction",
}  # fmt: skip


def air4thai(file: Path, device: str | None) -> Expected:
    """Read with the csv module alone: local time, empty cells are gaps, zeros are values."""
    expected: Expected = {}
    with file.open(newline="") as lines:
        for row in csv.DictReader(lines):
            moment = datetime.strptime(row["DATETIMEDATA"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=BANGKOK)
            name = device or f"air4thai-{row['stationID']}"
            for column, quantity in AIR4THAI.items():
                if row.get(column):
                    expected.setdefault((name, quantity), {})[spelled(moment)] = float(row[column])
    return expected


@pytest.mark.parametrize(
    ("name", "mapping", "device", "readings"),
    [
        ("thai_pcd_air4thai_4stations_2024-02-27.csv", "air4thai", None, 96),
        ("thai_pcd_air4thai_44t_2024-03-01_07.csv", "air4thai-station", "air4thai-44t", 168),
        ("thai_pcd_air4thai_pm25_2024-01_unknown_station.csv", "air4thai-station", "air4thai-unknown", 480),
    ],
)
def test_air4thai_days(
    platform: Platform, shared_data: Path, name: str, mapping: str, device: str | None, readings: int
) -> None:
    file = shared_data / "timeseries" / name
    expected = air4thai(file, device)
    platform.replay(file, mapping, *(["--device", device] if device else []))
    assert compare(platform, expected, "2024-01-01T00:00:00+07:00", "2024-03-09T00:00:00+07:00") > readings / 2
    assert len(file.read_text().splitlines()) == 1 + readings
    zeros = [key for key, points in expected.items() if 0.0 in points.values()]
    assert zeros or device == "air4thai-unknown"


def test_river_flow(platform: Platform, shared_data: Path) -> None:
    file = shared_data / "timeseries" / "river_flow_vmm_belgium_2009_2013.csv"
    expected: Expected = {}
    rows = 0
    with file.open(newline="") as lines:
        for row in csv.DictReader(lines):
            rows += 1
            moment = datetime.strptime(row.pop("Time"), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
            for gauge, cell in row.items():
                if cell:
                    expected.setdefault((f"river-{gauge.lower()}", "flow"), {})[spelled(moment)] = float(cell)
    platform.replay(file, "river-gauges")
    assert rows == 11_697
    values = compare(platform, expected, "2009-01-01T00:00:00+00:00", "2013-02-01T00:00:00+00:00")
    assert values == sum(map(len, expected.values())) < 3 * rows
    assert min(value for points in expected.values() for value in points.values()) < 0


def test_noaa_line_protocol(platform: Platform, shared_data: Path) -> None:
    file = shared_data / "timeseries" / "noaa_bay_area_weather_2020_2022.lp"
    expected: Expected = {}
    points = 0
    for line in file.read_text().splitlines():
        if line:
            points += 1
            head, fields, time_ns = line.replace("\\ ", "-").split(" ")
            device = "noaa-" + head.partition("location=")[2].lower()
            moment = spelled(datetime.fromtimestamp(int(time_ns) // 10**9, UTC))
            for field in fields.split(","):
                key, _, value = field.partition("=")
                expected.setdefault((device, key), {})[moment] = float(value)
    platform.replay(file, "noaa-weather")
    assert points == 3_288
    assert compare(platform, expected, "2020-01-01T00:00:00+00:00", "2023-01-02T00:00:00+00:00") > points


def test_munich_car_track(platform: Platform, shared_data: Path) -> None:
    file = shared_data / "tracks" / "munich_vehicle_x0001-001.json"
    fixes: dict[str, float] = {}
    positions: dict[str, dict[str, float]] = {"lat": {}, "lon": {}}
    for fix in json.loads(file.read_text()):
        moment = spelled(datetime.strptime(fix["time"], "%Y-%m-%d %H:%M:%S%z"))
        lon, lat = map(float, fix["point"].removeprefix("POINT(").removesuffix(")").split())
        fixes[moment], positions["lat"][moment], positions["lon"][moment] = 1.0, lat, lon
    platform.replay(file, "point-track")
    day = ("2014-09-10T00:00:00+02:00", "2014-09-11T00:00:00+02:00")
    assert compare(platform, {("track-x0001", "fix"): fixes}, *day) == 1_194
    found = platform.series(["track-x0001"], *day, quantity=["lat", "lon"])
    assert found == {("track-x0001", key): points for key, points in positions.items()}
    device = platform.get("/v1/devices/track-x0001")
    assert (device["kind"], device["gateway"]) == ("vehicle", "gw-1")
