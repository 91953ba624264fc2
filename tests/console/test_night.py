"""What the night is for: an outage with who is back and who is not, check-outs as they are told, the round on paper."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.console import night
from tests.console.desk import PHONE, at_the_desk, row
from tests.console.inn import INN, an_inn
from tests.support import person

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="module")]


async def fits(page: Page) -> None:
    width: int = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]


async def test_whoever_is_up_at_night_sees_the_outage_the_check_outs_and_the_round(
    browser: Browser, tmp_path: Path
) -> None:
    async with an_inn(tmp_path) as inn:
        await night.lose_floor(inn, "101", "102")
        await night.come_back(inn, "102")
        tampered = await night.keep_waiting(inn, "201")
        await night.run_low(inn, "201")
        async with at_the_desk(browser, inn, viewport=PHONE) as page:
            await expect(row(page, tampered)).to_contain_text("Waits for a person")

            # The alerts for which the outage speaks are one line.
            silent = page.locator('#alerts [data-alert="01JSILENT101"]')
            await expect(silent).to_have_count(0)
            await page.get_by_role("button", name="Show its one alert").click()
            await expect(silent).to_contain_text("Part of an outage")

            # What a notice leads to, and what leads there from the list.
            await page.locator("#outages").get_by_role("link").click()
            panel = page.locator("#incident-panel")
            await expect(panel.get_by_role("heading", name="Floor 1")).to_be_focused()
            await expect(panel).to_contain_text("1 of 2 tablets still silent")
            await expect(panel.locator('[data-member="tab-101"]')).to_contain_text("since")
            await expect(panel.locator("summary")).to_have_text("Back 1")
            await expect(panel.locator(".timeline")).to_contain_text("Began: Floor 1, 2 tablets silent")
            await panel.get_by_role("button", name="Acknowledge").click()
            await expect(page.locator("#incident-taken")).to_contain_text("by ida")
            await expect(panel.locator(".timeline")).to_contain_text("Acknowledged by ida")
            await fits(page)

            await page.get_by_role("link", name="Check-outs").click()
            await expect(page.locator("#no-clearance")).to_be_visible()
            await expect(page.locator("#connection")).to_have_attribute("data-via", "websocket")
            await night.check_out(inn, "101")
            told = page.locator('.clearances [data-room="101"]')
            await expect(told).to_contain_text("Not clear")
            await expect(told).to_contain_text("tab-101 is not heard")
            await night.find_in_room(inn, "101")
            await expect(told).to_contain_text("battery 80 %, charging")
            await page.get_by_label("May the guest go? Room").fill("909")
            await page.get_by_role("button", name="Ask").click()
            await expect(page.locator("#ask-trouble")).to_have_text("There is no room 909 here.")
            await page.get_by_label("May the guest go? Room").fill("room 101")
            await page.get_by_role("button", name="Ask").click()
            await expect(page.locator("#clearance-now")).to_have_attribute("data-verdict", "not-clear")
            await expect(page.locator("#room-panel")).to_contain_text("asked by opera")
            await fits(page)
            await page.keyboard.press("Escape")

            await page.get_by_role("link", name="Round").click()
            await expect(page.locator('[data-stop="tab-201"]')).to_contain_text("20 %")
            await fits(page)
            await page.emulate_media(media="print")
            await expect(page.locator(".top")).to_be_hidden()


async def test_who_may_only_look_hears_of_no_check_out_and_learns_who_has_the_outage(
    browser: Browser, tmp_path: Path
) -> None:
    async with an_inn(tmp_path) as inn:
        await night.lose_floor(inn, "101", "102")
        await night.check_out(inn, "101")
        await inn.store.acknowledge_incident(INN, night.FLOOR, by=person("ben"), now=inn.clock())
        async with at_the_desk(browser, inn, person="vera") as page:
            await page.goto(f"{inn.url}/#incidents/{night.FLOOR}")
            await expect(page.locator("#incident-taken")).to_contain_text("by ben")
            await expect(page.locator("#connection")).to_have_attribute("data-via", "websocket")
            await expect(page.get_by_role("link", name="Check-outs")).to_have_count(0)
            await page.goto(f"{inn.url}/#clearances")
            await expect(page.get_by_text("Every open alert is part of the outage above.")).to_be_visible()

            await night.widen(inn)
            await page.goto(f"{inn.url}/#incidents/{night.FLOOR}")
            panel = page.locator("#incident-panel")
            await expect(panel).to_contain_text("It became part of a wider outage.")
            await panel.get_by_role("link", name="The whole hotel").click()
            await expect(panel.get_by_role("heading", name="The whole hotel")).to_be_visible()
