"""The console in a real browser before a real platform."""

import json
import re
import time
from pathlib import Path

import pytest
from city_on_air import AHEAD_S, AIR, TRUCK, CityOnAir, until
from playwright.sync_api import Page, Request, expect
from screen import DESKTOP, PHONE, Screens

BOARDS = Path(__file__).parents[2] / "dashboards" / "generated" / "console.json"
_QUARTER = 900
_NOTHING = "\u2013"


@pytest.fixture(scope="module", autouse=True)
def _on_air(city: CityOnAir) -> None:
    """Let a station have a history of an hour with a gap in it and one value that can't be, and a truck speak."""
    now = time.time()
    history = [{"ts": int((now - 3500 + n * 60) * 1000), "values": {"pm2_5": 20 + n % 7}} for n in range(50)]
    del history[20:32]
    history[5]["values"] = {"pm2_5": 90_000.0}
    city.publish("air_quality", AIR, *history)
    city.air(21.5)
    place = {"lat": 14.9, "lon": 101.8}
    city.publish("vehicle", TRUCK, {"values": {"speed": 61.0, "ignition": True}, **place}, stream="logistic_hub")
    city.publish("cargo", TRUCK, {"values": {"temperature": -18.4}, **place}, stream="logistic_hub")
    until(lambda: {one["id"] for one in city.devices()} >= {AIR, TRUCK})


def test_the_map_shows_every_device(city: CityOnAir, screens: Screens) -> None:
    with screens.open(city.url) as page:
        expect(page.locator("#view[data-dots]")).to_have_attribute("data-dots", re.compile("^[1-9]"))
        expect(page.locator("#state")).to_have_text("Live")
        assert int(page.locator("#view").get_attribute("data-dots") or 0) >= 2
        page.get_by_role("link", name=re.compile("Air quality")).click()
        page.get_by_role("button", name=AIR).click()
        expect(page.get_by_role("article", name=AIR)).to_contain_text("PM2.5")


def test_a_value_changes_by_itself_soon_after_it_was_published(city: CityOnAir, screens: Screens) -> None:
    with screens.open(city.url, "#/map/air_quality") as page:
        row = page.get_by_role("button", name=AIR)
        expect(row).to_be_visible()
        city.air(33.3)
        began = time.monotonic()
        expect(row).to_contain_text("33.3", timeout=5000)
        assert time.monotonic() - began < 5


def test_a_truck_with_probes_is_one_device_of_two_kinds(city: CityOnAir, screens: Screens) -> None:
    for kind, shown in (("vehicle", "61"), ("cargo", "18.4")):
        with screens.open(city.url, f"#/map/{kind}") as page:
            expect(page.get_by_role("button", name=TRUCK)).to_contain_text(shown)
    with screens.open(city.url, "#/devices?kind=cargo") as page:
        expect(page.locator("tbody tr", has_text=TRUCK)).to_have_count(1)
    with screens.open(city.url, f"#/device/{TRUCK}?last=3600") as page:
        expect(page.locator("p.what").first).to_have_text("Vehicle · Cargo")
        for quantity in ("speed", "temperature"):
            expect(page.locator(f'figure[data-quantity="{quantity}"]')).to_have_attribute("data-points", "1")


def test_a_chart_answers_a_change_of_range(city: CityOnAir, screens: Screens) -> None:
    with screens.open(city.url, f"#/device/{AIR}?last=3600") as page:
        chart = page.locator('figure[data-quantity="pm2_5"]')
        expect(chart).to_have_attribute("data-points", re.compile(r"^\d\d"))
        expect(page.locator(".charts")).to_have_attribute("data-width", "raw")
        asked: list[Request] = []
        page.on("request", lambda one: asked.append(one) if "/v1/readings" in one.url else None)
        page.get_by_role("button", name="7 d").click()
        expect(page.locator(".charts")).to_have_attribute("data-width", "1800")
        assert any("every=30m" in one.url for one in asked)
        assert "last=604800" in page.url


def test_dragging_over_a_chart_zooms_in_and_a_button_leads_back(city: CityOnAir, screens: Screens) -> None:
    with screens.open(city.url, f"#/device/{AIR}?last=3600") as page:
        over = page.locator('figure[data-quantity="pm2_5"] .u-over')
        over.scroll_into_view_if_needed()
        box = over.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 40, steps=4)
        page.mouse.up()
        back = page.locator("button.zoomed")
        expect(back).to_be_visible()
        seconds = [int(found) for found in re.findall(r"(?:from|to)=(\d+)", page.url)]
        assert _QUARTER < seconds[1] - seconds[0] < 3 * _QUARTER
        back.click()
        expect(back).to_have_count(0)


def test_gaps_stay_open_and_failed_values_are_told(city: CityOnAir, screens: Screens) -> None:
    with screens.open(city.url, f"#/device/{AIR}?last=3600") as page:
        chart = page.locator('figure[data-quantity="pm2_5"]')
        expect(chart.locator(".flag4")).to_have_text("failed")
        expect(chart.locator(".plot")).to_have_attribute("aria-label", re.compile("highest 33.3|highest 2"))
        chart.get_by_role("button", name="As a table").click()
        # both breaks of the line and the value that can't be are told as nothing
        expect(chart.locator("td.number", has_text=_NOTHING)).to_have_count(3)


def test_a_quarantined_message_is_tried_again(city: CityOnAir, screens: Screens) -> None:
    then = time.time() + AHEAD_S + 2
    city.air(12.3, device="test-air-early", at_s=then)
    with screens.open(city.url, "#/quarantine") as page:
        held = page.locator("tr[data-id]", has_text="test-air-early")
        expect(held).to_contain_text("Clock runs ahead", timeout=8000)
        held.get_by_role("button", name="Clock runs ahead").click()
        expect(page.locator("tr.more pre")).to_contain_text("12.3")
        time.sleep(max(0.0, then - AHEAD_S - time.time() + 0.5))
        held.get_by_role("checkbox").check()
        page.get_by_role("button", name="Try 1 selected again").click()
        expect(page.locator(".said")).to_have_text("1 will be tried again.")
        page.get_by_label("State").select_option("released")
        expect(held).to_contain_text("released", timeout=10_000)
    until(lambda: any(one["id"] == "test-air-early" for one in city.devices()))


def test_the_ledger_adds_up(city: CityOnAir, screens: Screens) -> None:
    with screens.open(city.url, "#/ledger") as page:
        expect(page.locator(".verdict")).to_contain_text("Every reading received is accounted for.")
        terms = [int(text.replace(",", "")) for text in page.locator(".term .big").all_inner_texts()]
        assert terms[0] == sum(terms[1:5]) > 0
        page.get_by_role("button", name="By device").click()
        expect(page.get_by_role("link", name=TRUCK)).to_be_visible()


def test_devices_are_found_by_their_name(city: CityOnAir, screens: Screens) -> None:
    with screens.open(city.url, "#/devices") as page:
        page.get_by_label("Search").fill("truck")
        expect(page.locator("tbody tr")).to_have_count(1)
        page.get_by_role("link", name=TRUCK).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(TRUCK)


def test_it_speaks_both_languages_and_remembers_which(city: CityOnAir, screens: Screens) -> None:
    with screens.open(city.url) as page:
        here = page.locator("#nav [aria-current]")
        for language, title in (("en", "City map"), ("th", "แผนที่เมือง")):
            expect(here).to_have_text(title)
            expect(page.locator("html")).to_have_attribute("lang", language)
            page.locator("#language").click()
        expect(here).to_have_text("City map")
        assert page.evaluate("localStorage.getItem('korat-language')") == "en"


@pytest.mark.parametrize("language", ["en", "th"])
def test_every_board_is_drawn_without_a_complaint(city: CityOnAir, screens: Screens, language: str) -> None:
    boards = json.loads(BOARDS.read_text("utf-8"))["boards"]
    with screens.open(city.url, language=language, theme="dark") as page:
        links = page.locator('#nav a[href^="#/board/"]')
        expect(links).to_have_count(len(boards) - 1)
        for number in range(links.count()):
            link = links.nth(number)
            key = (link.get_attribute("href") or "").rpartition("/")[2]
            board = next(one for one in boards if one["key"] == key)
            link.click()
            expect(page.get_by_role("heading", level=1)).to_have_text(board["title"][language])
            panels = sum(len(section["panels"]) for section in board["sections"])
            expect(page.locator("figure.panel")).to_have_count(panels)
            _loaded(page)
            assert page.locator(".trouble").count() == 0
        assert "only" not in page.locator("#view").inner_text() or language == "th"


def test_boards_show_what_was_published(city: CityOnAir, screens: Screens) -> None:
    city.air(33.3)
    with screens.open(city.url, "#/board/air?last=3600") as page:
        expect(page.locator('[data-panel="pm2_5_worst"] .big')).to_have_text(re.compile(r"\d"))
        expect(page.locator('[data-panel="pm2_5"]')).to_have_attribute("data-points", re.compile("^[1-9]"))


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_nothing_is_wider_than_the_screen(city: CityOnAir, screens: Screens, size: tuple[int, int]) -> None:
    with screens.open(city.url, size=size, language="th") as page:
        expect(page.locator("#state")).to_have_attribute("data-state", "live")
        for path in ("#/map", f"#/device/{AIR}", "#/quarantine", "#/ledger", "#/devices", "#/board/air"):
            page.evaluate("(path) => { location.hash = path; }", path)
            expect(page.locator(f".view-{path.split('/')[1]} h1")).to_have_count(1)
            page.wait_for_timeout(250)
            assert page.evaluate("document.documentElement.scrollWidth") <= size[0], path


def test_the_keyboard_reaches_the_content_first(city: CityOnAir, screens: Screens) -> None:
    with screens.open(city.url, "#/devices") as page:
        expect(page.locator("tbody tr").first).to_be_visible()
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.locator("#brand")).to_be_focused()


def test_a_key_is_asked_for_when_the_api_wants_one(city: CityOnAir, screens: Screens) -> None:
    """The API says 401 until the right key comes; the browser's note of each 401 is the only complaint."""
    with screens.open("about:blank#", complaints_expected=True) as page:
        seen: list[str | None] = []

        def guard(route: object) -> None:
            key = route.request.headers.get("authorization")  # type: ignore[attr-defined]
            seen.append(key)
            if key == "Bearer right":
                route.continue_()  # type: ignore[attr-defined]
            else:
                route.fulfill(status=401, json={"status": 401, "detail": "a key is needed"})  # type: ignore[attr-defined]

        page.route("**/v1/**", guard)
        page.goto(city.url)
        field = page.get_by_label("API key")
        field.fill("wrong")
        field.press("Enter")
        expect(page.get_by_text("That key was not accepted")).to_be_visible()
        field.fill("right")
        field.press("Enter")
        expect(page.locator("#state")).to_have_text("Live")
        assert page.evaluate("sessionStorage.getItem('korat-key')") == "right"
        assert "Bearer wrong" in seen


def _loaded(page: Page) -> None:
    """Wait until the board's panels have been filled once."""
    expect(page.locator(".numbers .big, .panel tbody tr, .panel .empty, .u-over").first).to_be_visible()
