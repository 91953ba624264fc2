"""Somebody at the desk: the console in a browser, which must keep its manners whatever a test does to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, ConsoleMessage, Locator, Page, Request, ViewportSize

from rules.ids import AlertId
from tests.console.inn import PASSWORD, Inn

DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 360, "height": 740}


@asynccontextmanager
async def at_the_door(browser: Browser, inn: Inn, *, viewport: ViewportSize = DESKTOP) -> AsyncIterator[Page]:
    """Open the page, not logged in. At the end: no error, nothing that the policy forbids, no foreign host, no token
    in an address.
    """
    context = await browser.new_context(viewport=viewport)
    page = await context.new_page()
    faults: list[str] = []

    def heed(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            faults.append(message.text)

    def look(request: Request) -> None:
        if not request.url.startswith(f"{inn.url}/") or "token=" in request.url or "eyJ" in request.url:
            faults.append(request.url)

    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", heed)
    page.on("request", look)
    try:
        await page.goto(inn.url)
        yield page
    finally:
        await context.close()
    assert faults == []


@asynccontextmanager
async def at_the_desk(
    browser: Browser, inn: Inn, *, person: str = "ida", viewport: ViewportSize = DESKTOP
) -> AsyncIterator[Page]:
    """Open the page and log in."""
    async with at_the_door(browser, inn, viewport=viewport) as page:
        await log_in(page, person)
        yield page


async def log_in(page: Page, person: str, password: str = PASSWORD) -> None:
    await page.get_by_label("Username").fill(person)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Log in").click()


def row(page: Page, alert_id: AlertId) -> Locator:
    """The line of an open alert."""
    return page.locator(f'#alerts [data-alert="{alert_id}"]')


def tile(page: Page, room: str) -> Locator:
    """The tablet of a room."""
    return page.locator(f'[data-device="tab-{room}"]')
