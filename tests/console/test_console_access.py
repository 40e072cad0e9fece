"""What axe-core finds in the views, in both themes; its rules come from tests/console/vendor/axe."""

import time
from pathlib import Path

import pytest
from city_on_air import AIR, CityOnAir, until
from playwright.sync_api import Page, expect
from screen import DESKTOP, PHONE, Screens

_AXE = Path(__file__).parent / "vendor" / "axe" / "axe.min.js"
_VIEWS = ("#/map", "#/map/air_quality", f"#/device/{AIR}", "#/devices", "#/quarantine", "#/ledger", "#/board/air")
_RUN = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"


@pytest.mark.parametrize(("theme", "language", "size"), [("light", "en", DESKTOP), ("dark", "th", PHONE)])
def test_no_view_has_a_serious_fault(
    city: CityOnAir, screens: Screens, theme: str, language: str, size: tuple[int, int]
) -> None:
    city.air(22.0)
    city.air(12.0, device="test-air-ahead", at_s=time.time() + 3600)
    until(lambda: any(one["id"] == AIR for one in city.devices()))
    with screens.open(city.url, theme=theme, language=language, size=size) as page:
        expect(page.locator("#state")).to_have_attribute("data-state", "live")
        # through the debugger, because the page's own policy lets no script in
        page.evaluate(_AXE.read_text("utf-8") + "; undefined")
        found = {view: _faults(page, view) for view in _VIEWS}
    assert {view: faults for view, faults in found.items() if faults} == {}


def _faults(page: Page, view: str) -> list[str]:
    page.evaluate("(path) => { location.hash = path; }", view)
    expect(page.locator(f".view-{view.split('/')[1]} h1")).to_have_count(1)
    page.wait_for_timeout(300)
    return [
        f"{one['id']}: {node['target']} {node['failureSummary'][:200]}"
        for one in page.evaluate(_RUN)
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:3]
    ]
