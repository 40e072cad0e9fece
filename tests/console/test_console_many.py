"""How soon the first view is there with 2,000 devices."""

import time

from city_on_air import CityOnAir, until
from playwright.sync_api import expect
from screen import Screens

_DEVICES = 2000
_GOAL_S = 2.0
_SHARED = 2.5
"""How many times longer it may take where other work shares the machine."""


def test_two_thousand_devices_are_on_the_map_soon(city: CityOnAir, screens: Screens) -> None:
    city.crowd(_DEVICES)
    took = min(_first_view(city, screens) for _ in range(2))
    assert took < _GOAL_S * _SHARED


def _first_view(city: CityOnAir, screens: Screens) -> float:
    began = time.monotonic()
    with screens.open(city.url) as page:
        until(lambda: page.evaluate("Number(document.querySelector('#view').dataset.dots)") >= _DEVICES)
        took = time.monotonic() - began
        expect(page.get_by_role("link", name="Traffic 500")).to_be_visible()
    print(f"\nfirst view with {_DEVICES} devices: {took:.2f} s")  # noqa: T201 - a figure to read with -s
    return took
