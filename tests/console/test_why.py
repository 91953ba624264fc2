"""Why, and why not: the console looks back over what a tablet said."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.console.desk import PHONE, at_the_desk, row
from tests.console.inn import an_inn
from tests.store.past import BSSID, have_heard

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="module")]


async def test_the_panels_tell_what_led_to_an_alert_and_what_held_one_back(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn:
        await have_heard(inn.store, inn.devices["101"], begins=inn.clock() - timedelta(minutes=5))
        alert_id = await inn.open_alert("101")
        async with at_the_desk(browser, inn, viewport=PHONE) as page:
            why = page.locator("#why")
            await row(page, alert_id).click()
            await why.get_by_role("button", name="Look back").click()
            await expect(why.locator(".findings li").first).to_contain_text("Silent for 38 s")

            await page.get_by_role("link", name="tab-101").click()
            await why.get_by_role("button", name="hour", exact=True).click()
            await expect(why.locator(".findings li").first).to_contain_text(
                "No alert \u201cThe tablet has gone silent\u201d"
            )
            await expect(why.locator(".findings li").first).to_contain_text("which is allowed (up to 40 s)")
            await expect(why.locator(".findings li").first).to_contain_text("Until")
            await expect(why.get_by_role("img")).to_have_accessible_name(
                "Signal, \u221250 dBm at the weakest; this room needs \u221270 dBm"
            )
            await why.get_by_text("What it was held against").click()
            floor = why.locator(".judged dl div", has_text="Weakest signal in the room")
            await expect(floor).to_contain_text("\u221270 dBm")
            await why.get_by_text(re.compile("What it said")).click()
            await expect(why.locator(".samples tbody tr").first).to_contain_text(BSSID)
            width: int = await page.evaluate("document.documentElement.scrollWidth")
            assert width <= PHONE["width"]
