"""The page on which a manager makes a code for a tablet, sees what becomes of it, and says yes to one that is known."""

from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, Request, Route, expect

from rules.ids import EnrolmentId
from store import INNWATCH
from tests.console.desk import PHONE, at_the_desk
from tests.console.inn import INN, Inn, an_inn
from tests.support import person
from tests.support.http import TRUSTS_NOBODY

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="module")]

SOON = 20_000  # ms: nobody rings at the page, it asks


async def come(inn: Inn, code: str, device_id: str) -> tuple[int, str]:
    """A tablet comes with a code: the answer's status, and which problem it is, if one."""
    async with httpx.AsyncClient(
        verify=TRUSTS_NOBODY, base_url=inn.url, headers={"Authorization": f"Bearer {code}"}
    ) as tablet:
        answer = await tablet.post("/api/devices/register", json={"deviceId": device_id})
    return answer.status_code, answer.json()["type"].removeprefix("urn:innwatch:problem:")


async def make(page: Page, room: str, *, tablet: str = "", again: bool = False) -> str:
    """Make a code on the page; returns it."""
    await page.get_by_label("Room").select_option(room)
    await page.get_by_label("Tablet id").fill(tablet)
    await page.get_by_label("This tablet was here before").set_checked(again)
    async with page.expect_response("**/api/enrolments") as answer:
        await page.get_by_role("button", name="Make a code").click()
    code: str = (await (await answer.value).json())["code"]
    await expect(page.locator("#code")).to_have_text(code)
    await expect(page.get_by_label("Room")).to_have_value("")
    return code


async def known(inn: Inn, device_id: str) -> None:
    """A tablet has come to room 101 before."""
    enrolment, code = EnrolmentId("before"), "0000-0000-0001"
    by = person("ann")
    await inn.store.add_enrolment(INN, enrolment, code=code, room_id=inn.devices["101"].room_id, by=by, now=inn.clock())
    assert await come(inn, code, device_id) == (200, "device")


def codes(page: Page) -> Locator:
    """The codes that were made, the newest first; those for which a tablet waits stand above them."""
    return page.locator("#enrolments > li")


async def test_a_manager_makes_a_code_and_sees_the_tablet_come_in(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn, person="mia") as page:
        await page.get_by_role("link", name="Enrolment").click()
        await expect(page.get_by_text("No code has been made yet.")).to_be_visible()

        code = await make(page, "102", tablet="tab-new")
        await expect(page.get_by_label("The link")).to_have_value(f"{inn.url}/enrol#{code}")
        await expect(page.locator("#code-made")).to_contain_text("For tab-new in Room 102")
        await expect(page.locator("#code-made")).to_contain_text("Good once, until ")
        await expect(codes(page)).to_contain_text("Not used yet; good until ")
        picture = page.get_by_alt_text("The link as a QR code")
        assert await picture.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") > 100

        assert await come(inn, code, "tab-other") == (403, "enrolment-foreign")
        assert await come(inn, code, "tab-new") == (200, "device")
        await expect(page.locator("#code-made")).to_contain_text("tab-new came in", timeout=SOON)
        await expect(picture).to_have_count(0)
        await expect(codes(page)).to_contain_text("tab-new came in")
        await page.get_by_role("button", name="Done").click()
        await expect(page.locator("#code-made")).to_have_count(0)


async def test_a_code_is_shown_to_nobody_after_a_reload(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn, person="mia") as page:
        await page.get_by_role("link", name="Enrolment").click()
        code = await make(page, "101")
        await page.reload()

        await expect(codes(page)).to_contain_text("any tablet")
        await expect(page.locator("body")).not_to_contain_text(code)


async def test_a_tablet_that_is_known_knocks_wherever_the_manager_is_and_comes_in_after_a_yes(
    browser: Browser, tmp_path: Path
) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn, person="mia") as page:
        await known(inn, "tab-101")
        await page.goto(f"{inn.url}/#enrolments")
        code = await make(page, "102")
        assert await come(inn, code, "tab-101") == (409, "enrolment-waits")

        await page.get_by_role("link", name="Alerts").click()
        await expect(page.locator("#knock")).to_contain_text(
            "tab-101 waits for a manager’s yes, for Room 102", timeout=SOON
        )
        await expect(page.locator("#tab-enrolments")).to_contain_text("1 waiting for a yes")
        await page.get_by_role("link", name="Look at it").click()
        waiting = page.get_by_role("group", name="tab-101 waits")
        await expect(waiting).to_contain_text("The tablet of that name belongs to Room 101")
        top, form = await waiting.bounding_box(), await page.locator("#make-code").bounding_box()
        assert top
        assert form
        assert top["y"] < form["y"]

        await waiting.get_by_role("button", name="Approve").click()
        await expect(waiting).to_have_count(0)
        await expect(codes(page).first).to_contain_text("mia said yes to tab-101")
        assert await come(inn, code, "tab-101") == (200, "device")
        await expect(codes(page).first).to_contain_text("tab-101 came in", timeout=SOON)
        await expect(page.locator("#knock")).to_have_count(0)


async def test_a_code_for_a_tablet_that_was_here_before_needs_no_yes(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn, person="mia") as page:
        await known(inn, "tab-101")
        await page.goto(f"{inn.url}/#enrolments")
        code = await make(page, "101", tablet="tab-101", again=True)

        await expect(codes(page).first).to_contain_text("tab-101, here before")
        assert await come(inn, code, "tab-101") == (200, "device")


async def test_a_code_that_was_withdrawn_lets_nobody_in(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn, person="mia") as page:
        await page.get_by_role("link", name="Enrolment").click()
        code = await make(page, "101")
        await codes(page).get_by_role("button", name="Withdraw").click()

        await expect(codes(page)).to_contain_text("Withdrawn")
        await expect(page.locator("#code-made")).to_have_count(0)
        assert await come(inn, code, "tab-new") == (410, "enrolment-withdrawn")


async def test_a_yes_that_comes_too_late_says_why(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn, person="mia") as page:
        await known(inn, "tab-101")
        await page.goto(f"{inn.url}/#enrolments")
        await come(inn, await make(page, "101"), "tab-101")

        async def ben_is_quicker(route: Route) -> None:
            newest = (await inn.store.enrolments(INN)).items[0]
            await inn.store.withdraw_enrolment(INN, newest.id, by=INNWATCH, now=inn.clock())
            await route.continue_()

        await page.route("**/approve", ben_is_quicker)
        await page.get_by_role("button", name="Approve").click(timeout=SOON)
        await expect(page.locator("#enrolment-trouble")).to_contain_text("The enrolment was withdrawn.")


@pytest.mark.parametrize("who", ["ida", "vera"])
async def test_who_is_no_manager_hears_nothing_of_it(browser: Browser, tmp_path: Path, who: str) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn, person=who) as page:
        asked: list[str] = []

        def note(request: Request) -> None:
            if "/api/enrolments" in request.url:
                asked.append(request.url)

        page.on("request", note)
        await expect(page.locator("#all-well")).to_be_visible()
        await page.goto(f"{inn.url}/#enrolments")
        await page.reload()

        await expect(page.locator("#all-well")).to_be_visible()
        await expect(page.get_by_role("link", name="Enrolment")).to_have_count(0)
        await expect(page.locator("#make-code")).to_have_count(0)
        assert asked == []


async def test_a_phone_holds_all_of_it(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn, person="mia", viewport=PHONE) as page:
        await known(inn, "tab-101")
        await page.goto(f"{inn.url}/#enrolments")
        await come(inn, await make(page, "201"), "tab-101")
        await expect(page.get_by_role("group", name="tab-101 waits")).to_be_visible(timeout=SOON)
        await make(page, "102")

        width: int = await page.evaluate("document.documentElement.scrollWidth")
        digits: int = await page.locator("#code").evaluate("code => code.getBoundingClientRect().right")
        assert (width, digits <= PHONE["width"]) == (PHONE["width"], True)
