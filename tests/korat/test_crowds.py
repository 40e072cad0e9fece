"""Two thousand sockets that ask nothing, at the HTTP doors and the trackers': others are answered within a second."""

import http.client
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import pytest
from own_platform import Platform, until

from support import teltonika as tracker
from support.ports import accepts, free_port

_IMEI = "356000000000017"
_SOCKETS = 2000
_ADDRESSES = 8
_HALF = b"GET /v1/devices HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "


@pytest.fixture
def files() -> Iterator[None]:
    """Let this process open enough files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * _SOCKETS + 500:
        pytest.skip("this test opens 4,000 sockets, and this user may not")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * _SOCKETS + 500), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _ask(port: int, path: str) -> float:
    began = time.monotonic()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as link:
        link.request("GET", path)
        assert link.getresponse().status == http.client.OK
    return time.monotonic() - began


def _crowd(held: ExitStack, port: int, said: bytes) -> None:
    """Open two thousand sockets from eight addresses; every second one says something, and no more."""
    for number in range(_SOCKETS):
        link = socket.socket()
        held.callback(link.close)
        link.bind((f"127.0.0.{2 + number % _ADDRESSES}", 0))
        link.settimeout(5)
        link.connect(("127.0.0.1", port))
        if number // _ADDRESSES % 2:
            with suppress(ConnectionError):  # it may have made room already
                link.sendall(said)


@pytest.mark.usefixtures("files")
def test_idle_and_slow_sockets_shut_no_door(platform: Platform) -> None:
    with platform.up() as process, ExitStack() as held:
        _ask(platform.api, "/v1/devices")
        for port in (platform.api, platform.gateway):
            _crowd(held, port, _HALF)
        for _ in range(3):
            assert _ask(platform.api, "/v1/devices") < 1
            assert _ask(platform.gateway, "/health/ready") < 1
        platform.post("w-1", [time.time_ns() // 10**6])
        assert "crowded_out" in process.log.read_text()


@pytest.mark.usefixtures("files")
def test_idle_and_slow_sockets_shut_no_door_of_trackers(platform: Platform) -> None:
    port = free_port()
    (platform.folder / "gateway.toml").write_text(f'[[input.tcp]]\nprotocol = "teltonika"\nport = {port}\n')
    record = tracker.Told(time.time_ns() // 10**6, 149_700_000, 1_021_000_000, satellites=9, speed=40)
    frame = tracker.tcp(tracker.body(tracker.CODEC_8, [record]))
    with platform.up() as process, ExitStack() as held:
        until(lambda: accepts(port))
        _crowd(held, port, tracker.login(_IMEI)[:5])
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
            link.sendall(tracker.login(_IMEI))
            assert link.recv(1) == b"\x01"
            link.sendall(frame)
            assert link.recv(4) == (1).to_bytes(4)
        assert time.monotonic() - began < 1
        assert _ask(platform.gateway, "/health/ready") < 1
        assert "crowded_out" in process.log.read_text()
