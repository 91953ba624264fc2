"""What people at the desk see and do, in a browser, against the real API, store and broker."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect

from rules.alerts import Because, Severity
from rules.ids import UserName
from rules.messages import TokenEnd
from rules.state import LinkState, Posture
from store import INNWATCH
from tests.console.desk import PHONE, at_the_desk, at_the_door, log_in, row, tile
from tests.console.inn import EVIL, INN, PASSWORD, an_inn
from tests.support import eventually, person

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="module")]

PATIENT = 20_000  # ms: as long as it may take to notice that a way has failed, and to find another


async def connected(page: Page, via: str) -> None:
    await expect(page.locator("#connection")).to_have_attribute("data-via", via, timeout=PATIENT)


# -- the door


async def test_a_wrong_password_is_told_and_the_right_one_is_kept_nowhere(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_door(browser, inn) as page:
        await log_in(page, "ida", "not this one")
        await expect(page.get_by_role("alert")).to_have_text("The username or the password is wrong.")

        await log_in(page, "ida")
        await connected(page, "websocket")
        kept: str = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
        assert PASSWORD not in kept
        assert await page.evaluate("Object.keys(localStorage)") == []


async def test_a_reload_keeps_the_session_and_the_place_and_logging_out_forgets_both(
    browser: Browser, tmp_path: Path
) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        await page.get_by_role("link", name="Tablets").click()
        await page.reload()
        await expect(tile(page, "101")).to_be_visible()

        await page.get_by_role("button", name="Log out").click()
        await expect(page.get_by_label("Password")).to_be_visible()
        assert await page.evaluate("Object.keys(sessionStorage)") == []


async def test_an_ended_session_asks_for_a_login_and_goes_on_after_it(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        await connected(page, "websocket")

        inn.clock.ahead = timedelta(hours=13)
        await expect(page.get_by_text("Your session has ended.")).to_be_visible(timeout=PATIENT)
        assert await page.evaluate("Object.keys(sessionStorage)") == []

        await log_in(page, "ida")
        await connected(page, "websocket")


async def test_who_is_disabled_is_logged_out_at_once(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        await connected(page, "websocket")

        await inn.store.disable_user(UserName("ida"), by=INNWATCH, now=inn.clock())
        await inn.tell_of_revocations()
        await expect(page.get_by_text("Your session has ended.")).to_be_visible(timeout=PATIENT)


async def test_who_logs_in_to_a_suspended_hotel_is_told_so(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_door(browser, inn) as page:
        await inn.store.suspend_hotel(INN, by=INNWATCH, now=inn.clock())

        await log_in(page, "ida")
        await expect(page.get_by_role("alert")).to_contain_text("The hotel is suspended. Ask whoever runs Innwatch")


# -- passwords


async def choose(page: Page, password: str, *, current: str | None = None) -> None:
    if current is not None:
        await page.get_by_label("The password you have now").fill(current)
    await page.get_by_label("New password").fill(password)
    await page.get_by_label("The new one once more").fill(password)


async def test_whoever_did_not_choose_the_password_is_asked_to_until_they_have(
    browser: Browser, tmp_path: Path
) -> None:
    async with an_inn(tmp_path) as inn, at_the_door(browser, inn) as page:
        await inn.choose_password(UserName("ida"))
        await log_in(page, "ida")
        await expect(page.locator("#urge")).to_contain_text("Somebody else chose your password")

        await page.get_by_role("button", name="Choose your own").click()
        await choose(page, "my own pass phrase", current="not this one")
        await page.get_by_role("button", name="Change it").click()
        await expect(page.get_by_role("dialog").get_by_role("alert")).to_have_text(
            "The password you have now is another one."
        )
        await choose(page, "my own pass phrase", current=PASSWORD)
        await page.get_by_role("button", name="Change it").click()

        await expect(page.get_by_role("dialog")).to_have_count(0)
        await expect(page.locator("#urge")).to_have_count(0)
        await inn.tell_of_revocations()
        await connected(page, "websocket")
        await page.get_by_role("button", name="Log out").click()
        await log_in(page, "ida", "my own pass phrase")
        await connected(page, "websocket")
        await expect(page.locator("#urge")).to_have_count(0)


async def test_two_passwords_that_differ_are_sent_to_nobody(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        await page.get_by_role("button", name="ida").click()
        await choose(page, "my own pass phrase", current=PASSWORD)
        await page.get_by_label("The new one once more").fill("my own pass phase")
        await page.get_by_role("button", name="Change it").click()

        await expect(page.get_by_role("dialog").get_by_role("alert")).to_have_text(
            "The two new passwords are not the same."
        )


async def test_a_link_leads_to_a_password_of_ones_own_and_to_the_desk_and_leaves_the_address(
    browser: Browser, tmp_path: Path
) -> None:
    async with an_inn(tmp_path) as inn, at_the_door(browser, inn) as page:
        link = await inn.password_link(UserName("ben"))
        await page.goto(link)
        await expect(page.get_by_role("heading", name="A password for ben")).to_be_visible()
        assert "password/" not in page.url

        await choose(page, "my own pass phrase")
        await page.get_by_role("button", name="Log in with it").click()
        await connected(page, "websocket")

        await page.goto(link)
        await expect(page.locator("#link-trouble")).to_contain_text("The link was used already.")
        await page.get_by_role("button", name="To the log-in").click()
        await connected(page, "websocket")


async def test_whoever_chose_a_password_by_a_link_is_not_asked_for_it_on_the_way_in(
    browser: Browser, tmp_path: Path
) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(route: Route) -> None:
        asked.set()
        await go_on.wait()
        await route.continue_()

    async with an_inn(tmp_path) as inn, at_the_door(browser, inn) as page:
        await page.route("**/auth/user-token", slowly)
        await page.goto(await inn.password_link(UserName("ben")))
        await choose(page, "my own pass phrase")
        await page.get_by_role("button", name="Log in with it").click()

        await asyncio.wait_for(asked.wait(), timeout=PATIENT / 1000)
        await expect(page.get_by_role("button", name="One moment…")).to_be_visible()
        await expect(page.get_by_label("Username")).to_have_count(0)
        go_on.set()
        await connected(page, "websocket")


async def test_a_link_that_is_none_says_so(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_door(browser, inn) as page:
        await page.goto(f"{inn.url}/#password/made-up")

        await expect(page.locator("#link-trouble")).to_contain_text("The link is not valid")
        await page.get_by_role("button", name="To the log-in").click()
        await expect(page.get_by_label("Username")).to_be_visible()


# -- people


def colleague(page: Page, name: str) -> Locator:
    return page.locator(f'[data-person="{name}"]')


async def test_a_manager_adds_somebody_who_gets_in_by_the_link_and_sees_no_people(
    browser: Browser, tmp_path: Path
) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn, person="mia") as page:
        await page.get_by_role("link", name="People").click()
        await page.get_by_label("Name").fill("zoe")
        await page.get_by_role("button", name="Add", exact=True).click()

        await expect(colleague(page, "zoe")).to_contain_text("has no password yet")
        link = await page.get_by_label("The link").input_value()
        async with at_the_door(browser, inn) as hers:
            await hers.goto(link)
            await choose(hers, "my own pass phrase")
            await hers.get_by_role("button", name="Log in with it").click()
            await connected(hers, "websocket")
            await expect(hers.get_by_role("link", name="People")).to_have_count(0)


async def test_a_manager_changes_shuts_out_and_removes_colleagues_but_not_herself(
    browser: Browser, tmp_path: Path
) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn, person="mia") as page:
        await inn.add_annex(UserName("ben"))
        await page.goto(f"{inn.url}/#people")

        await page.get_by_label("What ida may do").select_option("viewer")
        await expect(page.get_by_label("What ida may do")).to_have_value("viewer")
        await colleague(page, "ida").get_by_role("button", name="Shut out").click()
        await expect(colleague(page, "ida")).to_contain_text("shut out")
        await colleague(page, "vera").get_by_role("button", name="Remove").click()
        await colleague(page, "vera").get_by_role("button", name="Remove, really?").click()
        await expect(colleague(page, "vera")).to_have_count(0)

        # He works elsewhere too: his account is not this hotel's.
        await expect(colleague(page, "ben")).to_contain_text("in other hotels too")
        await expect(colleague(page, "ben").get_by_role("button")).to_have_text(["Remove"])
        await expect(colleague(page, "mia").get_by_role("button")).to_have_count(0)
        await expect(page.get_by_label("What mia may do")).to_be_disabled()


async def test_a_deed_that_is_refused_says_why(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn, person="mia") as page:
        await page.get_by_role("link", name="People").click()
        await page.get_by_label("Name").fill("ida")
        await page.get_by_role("button", name="Add", exact=True).click()

        await expect(page.locator("#people-trouble")).to_contain_text("There is one of that name already.")


# -- alerts


async def test_an_alert_says_what_happened_where_and_why(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        alert = await inn.open_alert("101", severity=Severity.CRITICAL)

        line = row(page, alert)
        for words in ("Critical", "On a network that is not the hotel's", "Room 101", "Floor 1 · tab-101", "Waiting"):
            await expect(line).to_contain_text(words)
        await expect(line).to_contain_text("de:ad:be:ef:00:01")


async def test_a_row_of_alerts_leaves_its_width_to_the_reasons(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        line = row(page, await inn.open_alert("101"))
        await expect(line).to_be_visible()

        gap, share = await line.evaluate(
            """line => {
                const [all, what, answer] = [".row", ".what", ".by .open"].map(
                    (part) => line.querySelector(part).getBoundingClientRect());
                return [all.right - answer.right, what.width / all.width];
            }"""
        )
        assert gap < 24
        assert share > 0.45


async def test_the_gravest_alert_stands_first(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        medium = await inn.open_alert("101", severity=Severity.MEDIUM, because=Because.MOVED)
        high = await inn.open_alert("102", severity=Severity.HIGH)
        critical = await inn.open_alert("201", severity=Severity.CRITICAL)

        await expect(page.locator("#alerts > li")).to_have_count(3)
        lines = await page.locator("#alerts > li").evaluate_all("lines => lines.map(line => line.dataset.alert)")
        assert lines == [critical, high, medium]


async def test_a_grave_alert_is_announced_and_counted_in_the_title(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        await connected(page, "websocket")
        await expect(page.locator("#all-well")).to_be_visible()

        await inn.open_alert("101", severity=Severity.CRITICAL)

        await expect(page.locator("#announcer")).to_have_text(
            "Critical alert: On a network that is not the hotel's. Room 101, tablet tab-101."
        )
        await expect(page).to_have_title("(1) Innwatch · The Inn")


async def test_an_alert_that_is_over_leaves_the_list(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        alert = await inn.open_alert("101")
        await expect(row(page, alert)).to_be_visible()

        await inn.clear_alert("101", alert)

        await expect(page.locator("#all-well")).to_be_visible()


async def test_an_acknowledgment_with_its_note_is_seen_by_everybody(browser: Browser, tmp_path: Path) -> None:
    async with (
        an_inn(tmp_path) as inn,
        at_the_desk(browser, inn, person="ida") as hers,
        at_the_desk(browser, inn, person="ben") as his,
    ):
        alert = await inn.open_alert("101")
        await row(hers, alert).click()
        await hers.get_by_label("Note").fill("Guest is moving rooms")
        await hers.get_by_role("button", name="Acknowledge").click()

        await expect(hers.locator("#acknowledged")).to_contain_text("by ida")
        await expect(hers.locator("#timeline")).to_contain_text("Acknowledged by ida")
        await expect(row(his, alert)).to_contain_text("ida, ")
        await row(his, alert).click()
        await expect(his.locator("#acknowledged")).to_contain_text("Guest is moving rooms")


async def test_who_comes_second_learns_who_was_first(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        alert = await inn.open_alert("101")

        async def ben_is_quicker(route: Route) -> None:
            await inn.store.acknowledge(INN, alert, by=person("ben"), note=None, now=inn.clock())
            await route.continue_()

        await page.route("**/acknowledge", ben_is_quicker)
        await row(page, alert).click()
        await page.get_by_role("button", name="Acknowledge").click()

        await expect(page.locator("#conflict")).to_contain_text("ben was first, at ")
        await expect(page.locator("#acknowledged")).to_contain_text("by ben")


async def test_an_alert_is_given_noted_snoozed_given_back_and_resolved(browser: Browser, tmp_path: Path) -> None:
    async with (
        an_inn(tmp_path) as inn,
        at_the_desk(browser, inn, person="ida") as hers,
        at_the_desk(browser, inn, person="ben") as his,
    ):
        alert = await inn.open_alert("101")
        await row(hers, alert).click()
        await hers.get_by_label("Assigned to").select_option("ben")
        await expect(row(his, alert)).to_contain_text("Waiting for ben")
        await hers.get_by_label("Snooze").select_option("For an hour")
        await expect(row(his, alert)).to_contain_text("Snoozed until ")
        await hers.get_by_label("Snooze").select_option("End it")
        await hers.get_by_label("Note").fill("The lift was open")
        await hers.get_by_role("button", name="Add note").click()
        await expect(hers.locator("#timeline")).to_contain_text("Noted by ida")
        await expect(hers.get_by_label("Note")).to_have_value("")

        await row(his, alert).click()
        await his.get_by_role("button", name="Acknowledge").click()
        await his.get_by_role("button", name="Give it back").click()
        await expect(hers.locator("#timeline")).to_contain_text("Given back by ben")
        await his.get_by_role("button", name="Resolve…").click()
        await his.get_by_role("button", name="Yes, resolve it").click()

        await expect(hers.locator("#alert-panel")).to_contain_text("resolved by ben")
        timeline = hers.locator("#timeline")
        for said in ("Assigned to ben by ida", "Snoozed by ida until ", "Snooze ended by ida", "The lift was open"):
            await expect(timeline).to_contain_text(said)


async def test_what_only_a_manager_resolves_is_not_offered_to_staff(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        alert = await inn.open_alert("101", severity=Severity.CRITICAL)
        await row(page, alert).click()

        await expect(page.get_by_text("A manager resolves it.")).to_be_visible()
        await expect(page.get_by_role("button", name="Resolve…")).to_have_count(0)


async def test_a_manager_puts_two_swapped_tablets_right_with_one_tap(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn, person="mia") as page:
        alert = await inn.swap("101", "102")
        await row(page, alert).click()
        await expect(page.get_by_label("Alert", exact=True)).to_contain_text("It and tab-102 are in each other's room")
        await page.get_by_role("button", name="Swap their rooms").click()

        async def rooms() -> dict[str, str]:
            return {row.device.id: row.device.room_id for row in (await inn.store.load_hotel(INN)).devices}

        await eventually(lambda: _is(rooms(), {"tab-101": "102", "tab-102": "101"}))
        await expect(page.get_by_role("button", name="Swap their rooms")).to_have_count(0)
        await expect(page.locator("#alert-panel")).to_contain_text("Noted by mia")


async def _is(found: Awaitable[dict[str, str]], wanted: dict[str, str]) -> bool:
    return (await found).items() >= wanted.items()


async def test_who_may_only_look_is_not_offered_to_acknowledge(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn, person="vera") as page:
        alert = await inn.open_alert("101")
        await row(page, alert).click()

        await expect(page.get_by_text("Your role may look, but not acknowledge.")).to_be_visible()
        await expect(page.locator("#acknowledge")).to_have_count(0)


async def test_the_keyboard_is_enough(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        await inn.open_alert("101", severity=Severity.CRITICAL)
        second = await inn.open_alert("102")
        await expect(row(page, second)).to_be_visible()

        for key in ("j", "j", "Enter"):
            await page.keyboard.press(key)
        await expect(page.get_by_label("Alert", exact=True)).to_contain_text("tab-102")

        await page.keyboard.press("a")
        await expect(page.get_by_label("Note")).to_be_focused()
        await page.keyboard.type("a jk/?")
        await page.keyboard.press("Enter")
        await expect(page.locator("#acknowledged")).to_contain_text("a jk/?")

        await page.keyboard.press("Escape")
        await expect(row(page, second).get_by_role("button")).to_be_focused()
        await page.keyboard.press("/")
        await expect(page.get_by_label("Search alerts")).to_be_focused()
        await page.keyboard.type("tab-101")
        await expect(page.locator("#alerts > li")).to_have_count(1)
        await page.keyboard.press("Escape")
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog")).to_contain_text("next alert")


async def test_a_notice_that_reached_nobody_is_told(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        await connected(page, "websocket")
        alert = await inn.open_alert("101")
        await expect(row(page, alert)).to_be_visible()
        await expect(page.locator("#notices-failed")).to_have_count(0)

        await inn.fail_notices("no such mailbox")

        await expect(row(page, alert)).to_contain_text("The notice by e-mail failed")
        await page.get_by_role("link", name="Notices failed: 1").click()
        for words in ("The notice by e-mail failed.", "no such mailbox"):
            await expect(page.locator("#untold")).to_contain_text(words)
        await page.reload()
        await expect(row(page, alert)).to_contain_text("The notice by e-mail failed")

        await inn.clear_alert("101", alert)
        await expect(page.locator("#notices-failed")).to_have_count(0)


# -- hotels


async def test_a_hotel_without_tablets_is_not_called_well_and_the_others_can_be_found(
    browser: Browser, tmp_path: Path
) -> None:
    async with an_inn(tmp_path) as inn:
        await inn.add_annex(UserName("ida"))
        async with at_the_desk(browser, inn) as page:
            await page.get_by_label("Hotel").select_option("The Annex")

            await expect(page.get_by_text("This hotel has no tablets yet.")).to_be_visible()
            await expect(page.locator("#all-well")).to_have_count(0)
            await page.get_by_role("button", name="Choose another of your 2 hotels").click()
            await expect(page.get_by_label("Hotel")).to_be_focused()
            await page.get_by_label("Hotel").select_option("The Inn")
            await expect(page.locator("#all-well")).to_be_visible()


# -- tablets


async def test_a_tablet_shows_its_three_axes_as_they_change(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        await page.get_by_role("link", name="Tablets").click()
        await expect(tile(page, "102")).to_contain_text("Never seen")

        await inn.find("102", LinkState.ONLINE, posture=Posture.FOREIGN)

        for words in ("Online", "Foreign network", "17 % low", "81 dBm"):
            await expect(tile(page, "102")).to_contain_text(words)
        await page.get_by_role("button", name="Not in its room 1").click()
        await expect(page.locator("[data-device]")).to_have_count(1)


@pytest.mark.parametrize("link", [LinkState.SILENT, LinkState.AWAY])
async def test_of_a_tablet_that_is_not_heard_only_the_last_known_is_told(
    browser: Browser, tmp_path: Path, link: LinkState
) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        alert = await inn.open_alert("101")
        await inn.find("101", link, heard=timedelta(minutes=2))

        await row(page, alert).click()
        panel = page.locator("#alert-panel")
        for words in ("in its room, 2 min ago", "low, 17 %, 2 min ago", "\N{MINUS SIGN}81 dBm, 2 min ago"):
            await expect(panel).to_contain_text(f"Last known: {words}")
        await expect(panel).not_to_contain_text("In its room")
        await expect(panel).not_to_contain_text("The tablet now")

        await page.get_by_role("link", name="Tablets").click()
        await expect(tile(page, "101")).to_contain_text("Last known: in its room, 2 min ago")
        await expect(tile(page, "101")).not_to_contain_text("In its room")


async def test_a_tablet_that_we_keep_out_says_why(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        await page.get_by_role("link", name="Tablets").click()
        await inn.find("101", LinkState.AWAY, token_ended=TokenEnd.REVOKED)
        await inn.find("102", LinkState.AWAY)

        await expect(tile(page, "101")).to_contain_text("Kept out: token revoked")
        await expect(tile(page, "102")).to_contain_text("Signed off")


async def test_a_tablet_that_is_not_heard_counts_under_no_place_and_no_power(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        await inn.find("101", LinkState.SILENT)
        await inn.find("102", LinkState.SLEEPING)

        glance = page.get_by_label("Tablets at a glance")
        await expect(glance).to_contain_text("Silent1")
        place, power = glance.locator("section").nth(1), glance.locator("section").nth(2)
        # The third tablet was never seen.
        for words in ("In its room1", "Place unknown0", "Not known now2"):
            await expect(place).to_contain_text(words)
        for words in ("Low1", "Unknown0", "Not known now2"):
            await expect(power).to_contain_text(words)


async def test_no_alert_is_no_word_on_tablets_that_are_not_heard(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        await inn.find("101", LinkState.ONLINE)

        await expect(page.locator("#all-well")).to_contain_text(
            "3 tablets are being watched, of which 2 are not heard now."
        )


async def test_just_now_grows_old(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        await page.get_by_role("link", name="Tablets").click()
        await connected(page, "websocket")

        await inn.find("101", LinkState.ONLINE, heard=timedelta(seconds=84))

        await expect(tile(page, "101")).to_contain_text("heard just now")
        await expect(tile(page, "101")).to_contain_text("heard 1 min ago", timeout=PATIENT)


async def test_without_news_a_tablet_was_online_and_the_page_is_dimmed(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        await page.get_by_role("link", name="Tablets").click()
        await connected(page, "websocket")
        await inn.find("101", LinkState.ONLINE)
        await expect(tile(page, "101")).to_contain_text("In its room")
        await inn.say("blind", "The bridge has stopped.")

        for words in ("Was online", "Last known: in its room"):
            await expect(tile(page, "101")).to_contain_text(words)
        await expect(tile(page, "101")).not_to_contain_text("just now")
        assert await page.locator(".tiles").first.evaluate("tiles => Number(getComputedStyle(tiles).opacity)") < 1

        await inn.say("watching")
        await expect(tile(page, "101")).to_contain_text("Online")
        await expect(tile(page, "101")).to_contain_text("heard just now")


async def test_a_room_goes_by_its_name(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        alert = await inn.open_alert("201")

        await expect(row(page, alert)).to_contain_text(EVIL)
        await row(page, alert).click()
        await expect(page.locator("#alert-panel .facts").first).to_contain_text(EVIL)
        await page.get_by_role("link", name="Tablets").click()
        await expect(tile(page, "201")).to_contain_text(EVIL)
        await expect(tile(page, "101")).to_contain_text("Room 101")
        await tile(page, "201").click()
        await expect(page.locator("#tablet-panel .facts").first).to_contain_text(EVIL)


async def test_a_name_is_text_and_nothing_else(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        alert = await inn.open_alert("201")

        await expect(row(page, alert)).to_contain_text(EVIL)
        await expect(page.locator("#page img")).to_have_count(0)


FOCUSED = """() => {
    const tab = document.activeElement;
    const { left, right, top, bottom } = tab.getBoundingClientRect();
    const seen = (x) => document.elementFromPoint(x, (top + bottom) / 2)?.closest("a") === tab;
    return { last: tab.matches(".to-house"), seen: seen(left + 2) && seen(right - 2) };
}"""


async def is_seen_by_the_keyboard(page: Page) -> bool:
    """Walk along the lists by Tab: is each seen in full while it has the focus? A count that comes may move one."""
    await page.locator("#tab-alerts").focus()
    passed: list[dict[str, bool]] = []
    while not any(one["last"] for one in passed) and len(passed) < 12:
        await page.keyboard.press("Tab")
        passed.append(await page.evaluate(FOCUSED))
    return passed[-1]["last"] and all(one["seen"] for one in passed)


async def test_a_phone_never_scrolls_sideways(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn, viewport=PHONE) as page:
        alert = await inn.open_alert("201", severity=Severity.CRITICAL)
        await expect(row(page, alert)).to_be_visible()

        await eventually(lambda: is_seen_by_the_keyboard(page))
        await inn.fail_notices("no such mailbox")
        await expect(page.locator("#notices-failed")).to_be_visible()
        await eventually(lambda: is_seen_by_the_keyboard(page))

        too_wide = []
        for place in ("#alerts", f"#alerts/{alert}", "#tablets", "#tablets/tab-101"):
            await page.goto(f"{inn.url}/{place}")
            await expect(page.locator(".panel h2" if "/" in place else ".list li").first).to_be_visible()
            if await page.evaluate("document.documentElement.scrollWidth") > PHONE["width"]:
                too_wide.append(place)
        assert too_wide == []


# -- the ways that news takes


async def test_without_the_broker_news_comes_by_the_stream_and_with_it_by_websocket_again(
    browser: Browser, tmp_path: Path
) -> None:
    async with an_inn(tmp_path) as inn:
        await inn.stop_broker()
        async with at_the_desk(browser, inn) as page:
            await connected(page, "stream")
            by_stream = await inn.open_alert("101")
            await expect(row(page, by_stream)).to_be_visible()
            await expect(page.locator("#banner")).to_have_attribute("data-state", "watching")

            await inn.start_broker()
            await connected(page, "websocket")
            by_websocket = await inn.open_alert("102")
            await expect(row(page, by_websocket)).to_be_visible()


async def test_a_broker_that_never_answers_is_given_five_seconds(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn:
        await inn.stop_broker()
        async with await asyncio.start_server(mute, "127.0.0.1", inn.ws_port), at_the_desk(browser, inn) as page:
            await connected(page, "stream")


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take everything and say nothing."""
    await reader.read()
    writer.close()


async def test_what_happened_while_the_line_was_cut_is_there_when_it_is_back(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        over = await inn.open_alert("101")
        await expect(row(page, over)).to_be_visible()
        await connected(page, "websocket")

        await page.route("**/api/events", lambda route: route.abort())
        await inn.stop_broker()
        await expect(page.locator("#banner")).to_have_attribute("data-state", "blind", timeout=PATIENT)
        await inn.clear_alert("101", over)
        new = await inn.open_alert("102")
        await inn.start_broker()

        await expect(row(page, new)).to_be_visible(timeout=PATIENT)
        await expect(row(page, over)).to_have_count(0)
        await expect(page.locator("#banner")).to_have_attribute("data-state", "watching")


# -- the banner


async def test_the_banner_says_when_nobody_watches(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn, at_the_desk(browser, inn) as page:
        await connected(page, "websocket")
        banner = page.locator("#banner")

        await inn.say("degraded", "The database answers slowly.")
        await expect(banner).to_contain_text("The database answers slowly.")
        await inn.say("blind", "The bridge has stopped.")
        await expect(banner).to_have_attribute("data-state", "blind")
        await inn.say("watching")
        await expect(banner).to_have_attribute("data-state", "watching")
        await expect(banner).to_be_empty()
        await inn.say("watching", valid_for=timedelta(seconds=-1))
        await expect(banner).to_contain_text("What you see is ")


async def test_by_the_stream_the_server_itself_is_asked_whether_it_is_well(browser: Browser, tmp_path: Path) -> None:
    async with an_inn(tmp_path) as inn:
        await inn.stop_broker()
        inn.parts.missing.append("the bridge has stopped")
        async with at_the_desk(browser, inn) as page:
            await connected(page, "stream")

            await expect(page.locator("#banner")).to_contain_text("the bridge has stopped")
