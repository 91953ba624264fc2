"""How the hotel is watched: thresholds, maintenance, calibration, replay and access points, for a manager to change."""

import re
from datetime import UTC, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from playwright.async_api import Browser, Page, expect

from rules.alerts import Family, Rule, Severity
from rules.ids import AlertId, DeviceId, MessageId, RoomId, UserName, WindowId
from rules.inputs import InputKind
from rules.policy import PolicyChanges
from rules.proposal import ReplayRequest, ReplayResult, Trouble
from store import INNWATCH, Batch, StoredMessage
from store.gathering import gather
from store.records import NewWindow, RoomChanges
from tests.console.desk import PHONE, at_the_desk
from tests.console.inn import INN, Inn, an_inn
from tests.support import eventually

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="module")]

HEARD = "aa:00:00:00:00:17"


async def go(page: Page, name: str) -> None:
    await page.get_by_role("navigation", name="House").get_by_role("link", name=name).click()
    await expect(page.get_by_role("heading", name=name, exact=True)).to_be_attached()


async def have_heard_enough(inn: Inn, room: str, *, count: int = 1000) -> None:
    """So many heartbeats at -60 dBm in three days, from an access point that no room lists."""
    now = inn.clock()
    beats = [
        StoredMessage(
            hotel_id=INN,
            device_key=inn.devices[room].key,
            kind=InputKind.HEARTBEAT,
            message_id=MessageId(f"h-{room}-{number}"),
            received_at=now - timedelta(days=number % 3),
            body=b"{}",
            rssi=-60.0,
            bssid=HEARD,
        )
        for number in range(count)
    ]
    await inn.store.apply(Batch(received_at=now, messages=beats))
    await gather(inn.store._database)


async def judge(inn: Inn) -> None:
    """End the newest replay as if one alert, of room 102, had been gained by what it tried."""
    asked = (await inn.store.replays(INN)).items[0]
    request = msgspec.json.decode(asked.request, type=ReplayRequest)
    gained = Trouble(
        id=AlertId("gained"),
        device_id=DeviceId("tab-102"),
        room_id=RoomId("102"),
        family=Family.BREACH,
        rule=Rule.BREACH_SIGNAL,
        severity=Severity.HIGH,
        opened_at=request.starts_at,
    )
    result = ReplayResult(
        starts_at=request.starts_at,
        ends_at=request.ends_at,
        inputs=1000,
        took_s=0.1,
        whole=True,
        diverged=0,
        unreadable=0,
        strange=0,
        kept=3,
        gained_count=1,
        lost_count=0,
        gained=(gained,),
        lost=(),
    )
    await inn.store.end_replay(INN, asked.id, result=msgspec.json.encode(result), now=inn.clock())


async def test_a_manager_changes_thresholds_and_is_told_beside_the_field_what_is_wrong(
    browser: Browser, tmp_path: Path
) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn, person="mia") as page:
        await go(page, "Thresholds")
        low = page.get_by_role("textbox", name="Battery is low at")
        floor = page.get_by_role("textbox", name="Weakest signal in the room")
        save = page.get_by_role("button", name="Save", exact=True)
        await expect(low).to_have_attribute("placeholder", "20")
        await low.fill("400")
        await save.click()
        await expect(low).to_be_focused()
        await expect(low).to_have_accessible_description(re.compile("This must be 1 to 90 %"))

        # Somebody else was first, with another threshold: what was typed stays, and is saved on what is there now.
        await low.fill("30")
        await inn.store.change_policy(INN, PolicyChanges(overheat=50), by=INNWATCH, now=inn.clock())
        await save.click()
        await expect(page.get_by_text("innwatch changed these thresholds")).to_be_visible()
        await expect(page.get_by_role("textbox", name="Too hot at")).to_have_value("50")
        await expect(low).to_have_value("30")
        await save.click()
        await expect(page.get_by_text("Saved.")).to_be_visible()
        cleared = page.get_by_role("textbox", name="Battery is no longer low at")
        await expect(cleared).to_have_accessible_description(re.compile("Inherited: 25 %, standard.*In force: 31 %"))

        await page.get_by_role("combobox", name="For").select_option("101")
        await expect(floor).to_have_value("-70")
        await expect(low).to_have_accessible_description(re.compile("Inherited: 30 %, from the hotel"))
        await page.get_by_role("button", name="Inherit: Weakest signal in the room").click()
        await expect(floor).to_be_focused()
        await save.click()
        await expect(page.get_by_text("Saved.")).to_be_visible()

        assert (await inn.store.policy(INN)).own.battery_low == 30

        async def inherits_both() -> bool:
            room = await inn.store.policy(INN, room_id=RoomId("101"))
            return (room.effective.rssi_floor, room.effective.battery_low) == (None, 30)

        await eventually(inherits_both)  # the word that it is saved may be of the hotel's thresholds


async def test_a_window_is_set_on_the_hotels_clock_and_ended(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn, person="mia") as page:
        await go(page, "Maintenance")
        await page.get_by_role("button", name="Set the window").click()
        await expect(page.get_by_label("Until")).to_have_accessible_description(re.compile("Say until when"))

        there = (inn.clock() + timedelta(hours=30)).astimezone(ZoneInfo("Europe/Vienna"))
        ends = there.replace(second=0, microsecond=0, fold=0).astimezone(UTC)
        await page.get_by_label("Where").select_option("floor 1")
        await page.get_by_label("Until").fill(f"{there:%Y-%m-%dT%H:%M}")
        await page.get_by_label("Why").fill("New switch")
        await page.get_by_role("button", name="Set the window").click()
        window = page.locator(".window.running")
        await expect(window).to_contain_text("Floor 1")
        (stored,) = (await inn.store.maintenance(INN)).items
        assert (stored.floor, stored.ends_at, stored.reason) == ("1", ends, "New switch")

        await window.get_by_role("button", name="End now").click()
        await expect(page.locator(".window.over")).to_contain_text("ended early")
        await expect(page.get_by_role("heading", name="Running and to come")).to_be_focused()


async def test_what_calibration_proposes_is_tried_and_then_set(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn, person="mia") as page:
        await have_heard_enough(inn, "101", count=148)
        await go(page, "Calibration")
        verdict = page.locator("#calibration-verdict")
        await expect(verdict).to_have_text("Too little heard yet. 148 of 1,000 heartbeats, on 3 of 3 days in Room 101.")
        await have_heard_enough(inn, "102")
        await page.reload()
        await expect(verdict).to_contain_text("1 room would change, of 2 that were heard. In 1 room too little")
        room = page.locator("[data-room='102']")
        await expect(room).to_contain_text(f"{HEARD} new")

        await page.get_by_role("button", name="Try it on the last 24 hours").click()
        await expect(page.get_by_text("Waits for its turn")).to_be_visible()
        await judge(inn)
        await expect(page.locator("#verdict")).to_have_text("1 alert more and 0 less; 3 stay as they were.")

        # The room is set by somebody else meanwhile: what was seen is not what would be set.
        await inn.store.change_room(INN, RoomId("102"), RoomChanges(rssi_floor=-80), by=INNWATCH, now=inn.clock())
        await room.get_by_role("button", name="Set it: Room 102").click()
        await expect(room).to_contain_text("Not set: something else is proposed by now")
        await expect(room).to_contain_text("\N{MINUS SIGN}80 dBm")
        await room.get_by_role("button", name="Set it: Room 102").click()
        await expect(page.get_by_text("1 room set.")).to_be_visible()
        await expect(page.locator("#calibration-verdict")).to_be_focused()
        await expect(page.get_by_role("button", name="Set it")).to_have_count(0)
        set_ = await inn.store.room(INN, RoomId("102"))
        assert set_ is not None
        assert (set_.rssi_floor, set_.access_points) == (-66.0, (HEARD,))


async def test_thresholds_that_were_typed_are_tried_on_the_past_before_they_are_saved(
    browser: Browser, tmp_path: Path
) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn, person="mia") as page:
        await go(page, "Thresholds")
        critical = page.get_by_role("textbox", name="Silence is critical after")
        await critical.fill("5")
        await page.get_by_role("button", name="Try on the past").click()
        await expect(critical).to_have_value("5")
        await page.get_by_role("button", name="Try it", exact=True).click()
        await expect(page.get_by_text("Tried: Silence is critical after 5 min.")).to_be_visible()
        await judge(inn)
        await expect(page.get_by_role("row", name="Room 102 tab-102 Signal too weak for its room")).to_be_visible()

        # What was typed is there still; and what is tried another time comes back to be saved.
        await go(page, "Thresholds")
        await expect(critical).to_have_value("5")
        await page.get_by_role("button", name="Discard").click()
        await expect(critical).to_have_value("")
        await page.go_back()
        await page.get_by_role("button", name="Take it over into the thresholds").click()
        await expect(critical).to_have_value("5")
        await expect(page.get_by_text("1 change, not saved")).to_be_visible()


async def test_what_a_tablet_would_inherit_again_is_tried_as_it_would_be_saved(
    browser: Browser, tmp_path: Path
) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn, person="mia") as page:
        of_tablet = PolicyChanges(battery_low=40, silence_grace=25)
        await inn.store.put_policy(INN, of_tablet, device_id=DeviceId("tab-101"), by=INNWATCH, now=inn.clock())
        await go(page, "Thresholds")
        summary = page.get_by_text("1 tablet decides for itself")
        await summary.click()
        told = page.locator('[data-exception="tab-101"]')
        grace = told.filter(has_text="Grace before a silence")
        await expect(grace).to_contain_text("Grace before a silence25 s3 s, by the profile")
        await expect(told.filter(has_text="Battery is low at")).to_contain_text("Battery is low at40 %20 %")

        # What is saved for the hotel is what they would be held to otherwise: this very value, by and by.
        low = page.get_by_role("textbox", name="Battery is low at")
        await low.fill("40")
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(told.filter(has_text="Battery is low at")).to_contain_text("Battery is low at40 %the same")
        await page.get_by_role("combobox", name="For").select_option("101")
        await summary.click()
        await told.get_by_role("link").click()
        await expect(low).to_have_value("40")
        await page.get_by_role("button", name="Inherit: Battery is low at").click()
        await page.get_by_role("button", name="Try on the past").click()
        await expect(page.get_by_label("Tried as thresholds of")).to_have_value("tablet tab-101")
        await page.get_by_role("button", name="Try it", exact=True).click()
        await expect(page.get_by_text("Tried: Battery is low at inherited again, as set for tab-101.")).to_be_visible()
        (asked,) = (await inn.store.replays(INN)).items
        proposal = msgspec.json.decode(asked.request)["proposal"]
        assert (proposal["policy"], proposal["devices"]) == ({"batteryLow": None}, ["tab-101"])
        await judge(inn)
        await page.get_by_role("button", name="Take it over into the thresholds").click()
        await expect(low).to_have_value("")
        await expect(page.get_by_text("1 change, not saved")).to_be_visible()

        # What overrides all is not what saving comes to, and is not offered for it.
        await go(page, "Replay")
        await page.get_by_label("Add").select_option("batteryLow")
        await expect(low).to_have_accessible_description("1 to 90 %. Empty: the standard.")
        await low.fill("30")
        await page.get_by_label("Override what rooms and tablets there decide themselves").check()
        await page.get_by_role("button", name="Try it", exact=True).click()
        await expect(page.get_by_text("overriding what rooms and tablets decide themselves")).to_be_visible()
        await judge(inn)
        await expect(page.get_by_text("Saved, it would not come to this")).to_be_visible()
        await expect(page.get_by_role("button", name="Take it over into the thresholds")).to_have_count(0)


async def test_a_manager_says_whether_an_access_point_is_the_hotels(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn, person="mia") as page:
        await inn.store.learn_access_point(INN, HEARD, ssid="Inn", rooms=[RoomId("101")], by=INNWATCH, now=inn.clock())
        await go(page, "Access points")
        row, inventory = page.locator(f"[data-bssid='{HEARD}']"), page.locator("#inventory")
        await expect(inventory).to_contain_text("1 access point waits for a word, and 3 rooms with tablets list none.")
        await row.get_by_role("button", name=f"It is ours: {HEARD}").click()
        await expect(row).to_contain_text("Yes, confirmed mia")
        await expect(row.get_by_role("button", name=f"It is not ours: {HEARD}")).to_be_focused()
        await expect(inventory).not_to_contain_text("waits for a word")
        await row.get_by_role("button", name=f"It is not ours: {HEARD}").click()
        await expect(row).to_contain_text("No, foreign mia")


async def test_who_may_only_look_changes_nothing_and_a_phone_shows_it_all(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn:
        now = inn.clock()
        await inn.store.learn_access_point(INN, HEARD, ssid="Inn", rooms=[RoomId("101")], by=INNWATCH, now=now)
        window = NewWindow(room_id=RoomId("101"), ends_at=now + timedelta(hours=5), reason="Painting")
        await inn.store.add_window(INN, WindowId("painting"), window, by=INNWATCH, now=now)
        shown = {
            "policy": "Battery is low at",
            "maintenance": "Painting",
            "calibration": "Nothing was heard yet of any room.",
            "replay": "Asked for lately",
            "access-points": HEARD,
        }
        await inn.choose_password(UserName("vera"))
        async with at_the_desk(browser, inn, person="vera", viewport=PHONE) as page:
            await page.get_by_role("link", name="House").click()
            await expect(page.locator("#urge")).to_be_in_viewport()
            await page.locator("[data-threshold=takeOvers]").scroll_into_view_if_needed()
            await expect(page.locator("#urge")).not_to_be_in_viewport()
            for view, words in shown.items():
                await page.evaluate("(view) => (location.hash = view)", view)
                await expect(page.get_by_text(words)).to_be_visible()
                await expect(page.locator(".list :is(input, button)")).to_have_count(0)
                width: int = await page.evaluate("document.documentElement.scrollWidth")
                assert width <= PHONE["width"]
                await expect(page.locator(f"#tab-{view}")).to_be_in_viewport(ratio=1)
                await expect(page.locator("#tab-alerts")).to_be_in_viewport(ratio=1)
                above: float = await page.evaluate("document.querySelector('header').offsetHeight")
                assert above < 150  # one line for the lists and one for the house
            await page.evaluate("location.hash = 'tablets/tab-101'")
            await page.get_by_role("link", name="its thresholds").click()
            await expect(page.get_by_text("What this tablet alone is held against")).to_be_visible()
            floor = page.locator("[data-threshold=rssiFloor]")
            await expect(floor).to_contain_text("\N{MINUS SIGN}70 dBm, from its room")
