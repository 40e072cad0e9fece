"""Replays reach a real broker, or a gateway, completely; and the counts say so."""

import http.server
import json
import os
import signal
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Self

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from city import topics
from city.errors import ConfigurationError, Unavailable
from city.mqtt.address import Address
from city.reading import Reading
from city.wire import direct
from korat.cli import app
from simulators.replay import Record, ReplayOptions, replay, write_record
from simulators.replay.options import BadLine
from simulators.replay.post import retry_after_s
from simulators.replay.sinks import fitting
from simulators.replay.tally import BadFile
from support.mosquitto import Mosquitto
from support.ports import free_port

_MAPPING = """
format = "csv"
kind = "weather"
[time]
column = "t"
format = "ms"
[device]
column = "d"
[columns]
v = "temperature"
"""
_NOWHERE = Address("127.0.0.1", 9)


@pytest.fixture
def table(tmp_path: Path) -> Callable[[list[str]], tuple[Path, str]]:
    def table(rows: list[str]) -> tuple[Path, str]:
        (tmp_path / "m.toml").write_text(_MAPPING)
        file = tmp_path / "a.csv"
        file.write_text("t,d,v\n" + "".join(f"{row}\n" for row in rows))
        return file, str(tmp_path / "m.toml")

    return table


Table = Callable[[list[str]], tuple[Path, str]]


@contextmanager
def _listening(broker: Mosquitto) -> Iterator[list[paho.MQTTMessage]]:
    heard: list[paho.MQTTMessage] = []
    subscribed = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False)
    client.on_message = lambda _client, _data, message: heard.append(message)
    client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.reconnect_delay_set(1, 1)
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        assert subscribed.wait(10)
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


def _readings(messages: list[paho.MQTTMessage]) -> list[Reading]:
    found = []
    for message in messages:
        topic = topics.parse(message.topic)
        assert isinstance(topic, topics.Direct)
        found += direct.decode(message.payload, kind=topic.kind, device=topic.device, received_ns=0)
    return found


def _until(happened: Callable[[], bool], within: float = 15.0) -> None:
    deadline = time.monotonic() + within
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def _rows(count: int, step_ms: int = 1000) -> list[str]:
    return [f"{1_700_000_000_000 + n * step_ms},dev-{n % 3},{n}" for n in range(count)]


def _address(broker: Mosquitto) -> Address:
    return Address(broker.host, broker.port)


def test_a_table_reaches_the_broker_whole_and_in_batches(broker: Mosquitto, table: Table) -> None:
    file, mapping = table([*_rows(1000), "1700000000000,dev-0,"])
    with _listening(broker) as heard:
        report = replay(ReplayOptions(file=file, province="th-30", broker=_address(broker), mapping=mapping, speed=0))
        _until(lambda: len(_readings(heard)) == 1000)
    assert (report.rows, report.readings, report.gaps, report.sent, report.confirmed) == (1001, 1000, 1, 1000, 1000)
    assert report.complete
    assert len(heard) == 12  # three devices with 334, 333 and 333 readings, at most 100 in a message
    by_device = defaultdict(list)
    for reading in _readings(heard):
        by_device[reading.device].append((reading.time_ns // 10**6, reading.values["temperature"]))
    expected = [row.split(",") for row in _rows(1000)]
    assert by_device == {f"dev-{n}": [(int(t), float(v)) for t, d, v in expected if d == f"dev-{n}"] for n in range(3)}


def test_a_bad_line_ends_it_before_anything_is_sent(broker: Mosquitto, table: Table) -> None:
    file, mapping = table([*_rows(300), "1700000000000,dev-0,bad", *_rows(3)])
    options = ReplayOptions(file=file, province="th-30", broker=_address(broker), mapping=mapping, speed=0)
    with _listening(broker) as heard:
        with pytest.raises(BadFile, match="line 302"):
            replay(options)
        assert heard == []
        report = replay(
            ReplayOptions(
                file=file,
                province="th-30",
                broker=_address(broker),
                mapping=mapping,
                speed=0,
                bad_line=BadLine.SKIP,
            )
        )
    assert (report.bad, report.confirmed) == (1, 303)
    assert "line 302" in str(report)


@pytest.mark.parametrize(("speed", "seconds"), [(1.0, 0.8), (4.0, 0.2)])
def test_recorded_intervals_are_kept(broker: Mosquitto, table: Table, speed: float, seconds: float) -> None:
    file, mapping = table(_rows(9, step_ms=100)[::-1])  # not in order, so they are put in order
    with _listening(broker) as heard:
        report = replay(
            ReplayOptions(file=file, province="th-30", broker=_address(broker), mapping=mapping, speed=speed)
        )
        _until(lambda: len(heard) == 9)
    assert seconds <= report.seconds < seconds + 0.7
    assert [reading.values["temperature"] for reading in _readings(heard)] == list(range(9))


@pytest.mark.parametrize(("speed", "which"), [(1.0, 0), (20.0, -1), (0.0, -1)])
def test_shifted_to_now_no_reading_is_ahead_of_the_clock(
    broker: Mosquitto, table: Table, speed: float, which: int
) -> None:
    file, mapping = table(_rows(4, step_ms=200))
    with _listening(broker) as heard:
        before = time.time_ns()
        replay(
            ReplayOptions(
                file=file, province="th-30", broker=_address(broker), mapping=mapping, speed=speed, shift_to_now=True
            )
        )
        after = time.time_ns()
        _until(lambda: len(_readings(heard)) == 4)
    times = sorted(reading.time_ns for reading in _readings(heard))
    assert before - 10**7 <= times[which] <= after
    assert times[-1] <= after
    assert {b - a for a, b in pairwise(times)} == {200 * 10**6}


def test_a_broker_that_restarts_gets_everything(broker: Mosquitto, table: Table) -> None:
    file, mapping = table(_rows(60, step_ms=50))
    restart = threading.Thread(target=lambda: (time.sleep(1), broker.stop(), time.sleep(0.5), broker.start()))
    with _listening(broker) as heard:
        restart.start()
        report = replay(ReplayOptions(file=file, province="th-30", broker=_address(broker), mapping=mapping, batch=1))
        restart.join()
        _until(lambda: len({r.time_ns for r in _readings(heard)}) == 60)
    assert report.complete
    assert report.confirmed == 60


def test_a_signal_stops_it_with_the_counts_so_far(broker: Mosquitto, table: Table) -> None:
    file, mapping = table(_rows(100, step_ms=100))
    before = signal.getsignal(signal.SIGTERM)
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    report = replay(ReplayOptions(file=file, province="th-30", broker=_address(broker), mapping=mapping))
    timer.join()
    assert report.stopped
    assert not report.complete
    assert 5 <= report.confirmed <= report.sent <= 15
    assert report.seconds < 2
    assert str(report).startswith("stopped early: 100 rows read, 100 readings in them")
    assert signal.getsignal(signal.SIGTERM) is before


def test_records_are_replayed_byte_by_byte(broker: Mosquitto, tmp_path: Path) -> None:
    records = [
        Record(n * 10**8, f"city/th-30/x/{n}", payload) for n, payload in enumerate([b"\x00", b'{"a": 1.0}', b""])
    ]
    file = tmp_path / "a.korat.jsonl"
    with file.open("wb") as out:
        for record in records:
            write_record(out, record)
    with _listening(broker) as heard:
        report = replay(ReplayOptions(file=file, province="th-30", broker=_address(broker)))
        _until(lambda: len(heard) == 3)
    assert [(message.topic, message.payload) for message in heard] == [row[1:] for row in records]
    assert report.complete


def test_nobody_there_is_a_sentence(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    file, mapping = table(_rows(1))
    monkeypatch.setattr("simulators.replay.run._CONNECT_S", 0.2)
    with pytest.raises(Unavailable, match=r"no broker answers at mqtt://127\.0\.0\.1:9"):
        replay(ReplayOptions(file=file, province="th-30", broker=_NOWHERE, mapping=mapping))


def test_options_that_cannot_work_are_refused(table: Table, tmp_path: Path) -> None:
    file, mapping = table(_rows(1))
    record = tmp_path / "a.korat.jsonl"
    record.write_bytes(b"")
    good = ReplayOptions(file=file, province="th-30", broker=_NOWHERE, mapping=mapping)
    for options, sentence in [
        (ReplayOptions(file=file, province="th-30", mapping=mapping), "a replay needs a broker, or a gateway by --via"),
        (ReplayOptions(file=file, province="Korat", broker=_NOWHERE, mapping=mapping), "--province"),
        (ReplayOptions(file=file, province="th-30", broker=_NOWHERE, mapping=mapping, speed=-1), "--speed"),
        (ReplayOptions(file=file, province="th-30", broker=_NOWHERE, mapping=mapping, batch=0), "--batch"),
        (ReplayOptions(file=file, province="th-30", broker=_NOWHERE), "--mapping"),
        (ReplayOptions(file=record, province="th-30", broker=_NOWHERE, mapping=mapping), "needs no mapping"),
        (ReplayOptions(file=record, province="th-30", broker=_NOWHERE, shift_to_now=True), "byte by byte"),
        (ReplayOptions(file=file, province="th-30", via="ftp://x", mapping=mapping), "--via"),
    ]:
        with pytest.raises(ConfigurationError, match=sentence):
            replay(options)
    assert good.speed == 1


class Gateway:
    """Answers like a gateway's HTTP link, after some refusals."""

    def __init__(self, refusals: list[tuple[int, str | None]], undecoded: int = 0) -> None:
        self.taken: list[dict[str, object]] = []
        self.calls: Counter[int] = Counter()
        self.tokens: set[str | None] = set()
        gateway = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                gateway.tokens.add(self.headers["Authorization"])
                status, wait = refusals.pop(0) if refusals else (202, None)
                gateway.calls[status] += 1
                answer = b""
                if status == 202:
                    gateway.taken += json.loads(body)
                    answer = json.dumps({"readings": 1, "undecoded": undecoded, "reason": "no_codec"}).encode()
                self.send_response(status)
                if wait is not None:
                    self.send_header("Retry-After", wait)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/ingest/native"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def test_a_gateway_gets_everything_though_it_was_full(table: Table) -> None:
    file, mapping = table(_rows(250))
    refusals = [(429, "0"), (503, "0.05"), (507, None), (202, None), (500, "0")]
    with Gateway(refusals) as gateway:
        report = replay(
            ReplayOptions(file=file, province="th-30", via=gateway.url, token="t", mapping=mapping, speed=0)  # noqa: S106 - a test's word
        )
    assert report.complete
    assert (report.sent, report.confirmed) == (250, 250)
    assert gateway.tokens == {"Bearer t"}
    assert gateway.calls == {202: 3, 429: 1, 503: 1, 507: 1, 500: 1}
    assert gateway.taken[:2] == [
        {"device": "dev-0", "kind": "weather", "ts": 1_700_000_000_000, "values": {"temperature": 0.0}},
        {"device": "dev-1", "kind": "weather", "ts": 1_700_000_001_000, "values": {"temperature": 1.0}},
    ]
    assert len(gateway.taken) == 250


def test_the_command_line_takes_the_token_from_a_file(table: Table, tmp_path: Path) -> None:
    file, mapping = table(_rows(10))
    token = tmp_path / "token"
    command = ["replay", str(file), "--mapping", mapping, "--speed", "max", "--token-file", str(token), "--via"]
    token.write_text("a-token\n")
    with Gateway([]) as gateway:
        assert CliRunner().invoke(app, [*command, gateway.url]).exit_code == 0
    assert gateway.tokens == {"Bearer a-token"}
    for wrong in ("", "two\nlines\n", "ไทย"):
        token.write_text(wrong, "utf-8")
        refusal = CliRunner().invoke(app, [*command, gateway.url]).exception
        assert isinstance(refusal, ConfigurationError)
        assert "--token-file" in str(refusal)


def test_what_a_gateway_refuses_is_counted(table: Table) -> None:
    file, mapping = table(_rows(250))
    with Gateway([(413, None)]) as gateway:
        report = replay(ReplayOptions(file=file, province="th-30", via=gateway.url, mapping=mapping, speed=0))
    assert (report.confirmed, report.refused, report.complete, report.stopped) == (150, 100, False, False)
    assert "answered 413" in str(report)
    with Gateway([], undecoded=1) as gateway:
        report = replay(ReplayOptions(file=file, province="th-30", via=gateway.url, mapping=mapping, speed=0))
    assert (report.confirmed, report.refused) == (0, 250)
    assert "quarantine: no_codec" in str(report)
    with Gateway([(401, None)]) as gateway, pytest.raises(ConfigurationError, match="answered 401"):
        replay(ReplayOptions(file=file, province="th-30", via=gateway.url, mapping=mapping, speed=0))


def test_a_stop_ends_the_waiting_for_a_full_gateway(table: Table) -> None:
    file, mapping = table(_rows(10))
    stop = threading.Event()
    threading.Timer(0.4, stop.set).start()
    with Gateway([(507, "60")] * 9) as gateway:
        report = replay(
            ReplayOptions(file=file, province="th-30", via=gateway.url, mapping=mapping, speed=0), stop=stop
        )
    assert report.stopped
    assert (report.sent, report.confirmed) == (10, 0)
    assert report.seconds < 2


def test_an_absent_gateway_is_a_sentence(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    file, mapping = table(_rows(1))
    monkeypatch.setattr("simulators.replay.post._FIRST_ANSWER_S", 0.2)
    with pytest.raises(Unavailable, match="no gateway answers"):
        replay(ReplayOptions(file=file, province="th-30", via=f"http://127.0.0.1:{free_port()}/x", mapping=mapping))


def test_retry_after_is_read_as_seconds_or_date() -> None:
    assert retry_after_s(None) is None
    assert retry_after_s("soon") is None
    assert retry_after_s("2") == 2
    assert retry_after_s("-1") == 0
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0


def test_payloads_stay_below_the_wires_limit() -> None:
    wide = Reading("d", "weather", 0, {f"quantity_with_a_rather_long_name_{n}": n / 7 for n in range(64)})
    parts = fitting([wide] * 300, lambda part: direct.encode(list(part)))
    assert sum(len(part) for _, part in parts) == 300
    assert 1 < len(parts) < 10
    assert all(len(payload) <= direct.MAX_BYTES for payload, _ in parts)
    with pytest.raises(Unavailable):
        fitting([msgspec.structs.replace(wide, device="e")], lambda _: b"x" * (direct.MAX_BYTES + 1))


@pytest.mark.parametrize(
    ("file", "mapping", "counts"),
    [  # counts: rows, readings, gaps, devices
        ("timeseries/thai_pcd_air4thai_4stations_2024-02-27.csv", "air4thai", (96, 96, 0, 4)),
        ("timeseries/thai_pcd_air4thai_44t_2024-03-01_07.csv", "air4thai-station", (168, 168, 0, 1)),
        ("timeseries/thai_pcd_air4thai_pm25_2024-01_unknown_station.csv", "air4thai-station", (480, 477, 3, 1)),
        ("timeseries/noaa_bay_area_weather_2020_2022.lp", "noaa-weather", (3288, 3288, 0, 3)),
        ("timeseries/river_flow_vmm_belgium_2009_2013.csv", "river-gauges", (11697, 33810, 1281, 3)),
        ("tracks/munich_vehicle_x0001-001.json", "point-track", (1194, 1194, 0, 1)),
    ],
)
def test_recorded_data_is_replayed_whole(
    shared_data: Path, broker: Mosquitto, file: str, mapping: str, counts: tuple[int, int, int, int]
) -> None:
    rows, readings, gaps, devices = counts
    with _listening(broker) as heard:
        report = replay(
            ReplayOptions(file=shared_data / file, province="th-30", broker=_address(broker), mapping=mapping, speed=0)
        )
        _until(lambda: sum(message.payload.count(b'"ts"') for message in heard) == readings)
    assert (report.rows, report.readings, report.gaps, report.confirmed) == (rows, readings, gaps, readings)
    found = _readings(heard)
    assert len({(reading.device, reading.time_ns) for reading in found}) == readings
    assert len({reading.device for reading in found}) == devices


def test_recorded_values_come_through_unchanged(shared_data: Path, broker: Mosquitto) -> None:
    file = shared_data / "timeseries" / "noaa_bay_area_weather_2020_2022.lp"
    with _listening(broker) as heard:
        replay(ReplayOptions(file=file, province="th-30", broker=_address(broker), mapping="noaa-weather", speed=0))
        _until(lambda: sum(message.payload.count(b'"ts"') for message in heard) == 3288)
    lines = [line.replace("\\ ", "-") for line in file.read_text("utf-8").splitlines() if line]
    expected = {}
    for line in lines:
        place, fields, time_ns = line.split(" ")
        values = {key: float(text) for key, text in (pair.split("=") for pair in fields.split(","))}
        expected["noaa-" + place.removeprefix("weather,location=").lower(), int(time_ns)] = values
    assert {(r.device, r.time_ns): r.values for r in _readings(heard)} == expected


def test_no_socket_is_left_open(broker: Mosquitto, table: Table) -> None:
    file, mapping = table(_rows(1))
    before = threading.active_count()
    replay(ReplayOptions(file=file, province="th-30", broker=_address(broker), mapping=mapping, speed=0))
    assert threading.active_count() == before
    with socket.create_connection((broker.host, broker.port)):
        pass
