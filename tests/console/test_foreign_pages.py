"""A page of another site, in a real browser on the machine of an open platform."""

import http.server
import json
import threading
import urllib.request
from collections.abc import Iterator

import pytest
from city_on_air import CityOnAir
from playwright.sync_api import expect
from screen import Screens

_TRIES = """async ([gateway, api]) => {
  const reading = '{"device": "forged", "kind": "weather", "values": {"temperature": 20}}';
  const send = (address, options) => fetch(address, { mode: "no-cors", ...options }).catch(() => null);
  const plain = { method: "POST", body: reading, headers: { "Content-Type": "text/plain" } };
  await send(`${gateway}/ingest/native`, plain);
  await send(`${gateway}/ingest/osmand?id=forged&lat=14.9&lon=102.1`);
  const picture = new Image();
  const asked = new Promise((done) => { picture.onload = picture.onerror = done; });
  picture.src = `${gateway}/ingest/osmand?id=forged&lat=14.9&lon=102.1&n=2`;
  await asked;
  await send(`${api}/v1/quarantine/redrive`, { ...plain, body: '{"all": true}' });
  return await fetch(`${api}/v1/devices`).then((answer) => answer.text()).catch(() => "nothing");
}"""


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def foreign() -> Iterator[str]:
    """Give the address of a page on another port of this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_it_writes_reads_and_re_drives_nothing(city: CityOnAir, screens: Screens, foreign: str) -> None:
    with screens.open("about:blank#", complaints_expected=True) as page:
        page.goto(foreign)
        got = page.evaluate(_TRIES, [f"http://127.0.0.1:{city.gateway}", city.url])
    assert got == "nothing"
    with urllib.request.urlopen(f"http://127.0.0.1:{city.gateway}/sources") as answer:
        assert "forged" not in json.dumps(json.load(answer))


@pytest.mark.parametrize("path", ["#/device/%ff", "#/device/%", "#/%ff?last=%ff", "#/board/%E0%A4%A", "#/device/%00"])
def test_no_address_blanks_the_console(city: CityOnAir, screens: Screens, path: str) -> None:
    with screens.open(city.url, path, complaints_expected=True) as page:
        expect(page.locator("#view h1").first).to_be_visible()
