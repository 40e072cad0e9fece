"""Two thousand sockets that ask nothing, at each HTTP door: others are answered within a second."""

import http.client
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
from own_platform import Platform

_SOCKETS = 2000
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


@pytest.mark.usefixtures("files")
def test_idle_and_slow_sockets_shut_no_door(platform: Platform) -> None:
    with platform.up() as process, ExitStack() as held:
        _ask(platform.api, "/v1/devices")
        for port in (platform.api, platform.gateway):
            for number in range(_SOCKETS):
                link = socket.socket()
                held.callback(link.close)
                link.bind((f"127.0.0.{2 + number % 8}", 0))
                link.settimeout(5)
                link.connect(("127.0.0.1", port))
                if number % 2:
                    link.sendall(_HALF)
        for _ in range(3):
            assert _ask(platform.api, "/v1/devices") < 1
            assert _ask(platform.gateway, "/health/ready") < 1
        platform.post("w-1", [time.time_ns() // 10**6])
        assert "crowded_out" in process.log.read_text()
