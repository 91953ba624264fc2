"""The page of the way from HTTP to MQTT: who speaks how, what the end of the shared token would cut, and its end."""

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from rules.ids import DeviceId, UserName
from store import INNWATCH
from store.records import MemberRole, Way
from tests.console.desk import PHONE, at_the_desk, tile
from tests.console.inn import HASH, INN, Inn, an_inn

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="module")]


async def old_house(inn: Inn) -> None:
    """tab-101 speaks by the shared token, tab-102 by MQTT, tab-201 was never heard; mara is a manager."""
    now = inn.clock()
    for room in ("101", "102"):
        await inn.store.let_shared_token_speak(INN, DeviceId(f"tab-{room}"), allowed=True, by=INNWATCH, now=now)
        await inn.store.note_contact(INN, DeviceId(f"tab-{room}"), Way.LEGACY_TOKEN, now=now - timedelta(hours=2))
    await inn.store.note_contact(INN, DeviceId("tab-102"), Way.MQTT, now=now)
    await inn.store.note_stranger(INN, DeviceId("tab-909"), now=now)
    await inn.store.add_user(INN, UserName("mara"), role=MemberRole.MANAGER, password_hash=HASH, by=INNWATCH, now=now)


async def test_it_tells_what_would_be_cut_and_a_manager_ends_it(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn:
        await old_house(inn)
        async with at_the_desk(browser, inn, person="mara") as page:
            await page.get_by_role("link", name="HTTP to MQTT").click()
            await expect(page.locator("#migration-end")).to_have_text(
                "The shared token is off. 1 tablet had no other way, and must be enrolled."
            )
            await expect(page.locator("#migration-counts")).to_contain_text("MQTT 1")
            await expect(tile(page, "101")).to_contain_text("HTTP, shared token")
            await expect(tile(page, "101")).to_contain_text("would be cut")
            await expect(tile(page, "102")).to_contain_text("MQTT")

            await expect(page.locator(".strangers")).to_contain_text("tab-909")

            await page.get_by_role("button", name="Would be cut").click()
            await expect(tile(page, "102")).to_have_count(0)
            await tile(page, "101").get_by_role("button", name="End the shared token").click()
            await expect(page.get_by_text("No tablet would be cut.")).to_be_visible()

        assert not await inn.store.is_spoken_for(INN, DeviceId("tab-101"))


async def test_who_may_only_look_changes_nothing(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn:
        await old_house(inn)
        async with at_the_desk(browser, inn, person="vera", viewport=PHONE) as page:
            await page.get_by_role("link", name="HTTP to MQTT").click()
            await expect(tile(page, "101")).to_contain_text("allowed")
            await expect(page.get_by_role("button", name="End the shared token")).to_have_count(0)
            width: int = await page.evaluate("document.documentElement.scrollWidth")
            assert width <= PHONE["width"]


async def test_on_a_phone_no_word_is_broken(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn:
        await old_house(inn)
        async with at_the_desk(browser, inn, person="mara", viewport=PHONE) as page:
            await page.get_by_role("link", name="HTTP to MQTT").click()
            old = tile(page, "101")
            one_line = 40  # px
            for words in (old.locator("strong"), old.get_by_text("End the shared token"), old.get_by_text("2 h")):
                box = await words.bounding_box()
                assert box is not None
                assert box["height"] < one_line


async def test_a_hotel_that_never_had_the_old_system_does_not_hear_of_it(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        await page.get_by_role("link", name="Tablets").click()
        await expect(tile(page, "101")).to_be_visible()
        await expect(page.get_by_role("link", name="HTTP to MQTT")).to_have_count(0)
