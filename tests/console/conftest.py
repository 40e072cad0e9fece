"""A real browser before a real platform; what it complains of, and whom it asks, is watched in every test."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# test folders are no packages; this lets the tests name the types of these
sys.path.append(str(Path(__file__).parent))

from city_on_air import CityOnAir
from playwright.sync_api import sync_playwright
from screen import Screens

from support.chromium import FLAGS, chromium


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityOnAir]:
    """Give a platform that runs for all tests of a module."""
    with CityOnAir(tmp_path_factory.mktemp("console")) as running:
        yield running


@pytest.fixture(scope="module")
def screens() -> Iterator[Screens]:
    """Give a browser, or skip with a sentence.

    It is closed with the module, because its event loop is in the way of other tests.
    """
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield Screens(browser)
        browser.close()
