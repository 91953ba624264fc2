"""The reference agent against the real thing: in by a picture, on with a new token, and never left without one."""

import io
import json
import signal
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import segno
from playwright.sync_api import Page, expect, sync_playwright

from tests.support import Process, Processes, eventually_sync, requires
from tests.support.http import plain
from tests.support.waiting import SOON
from tests.system.conftest import Install
from tests.system.installation import INNWATCH, PASSWORD, Installation, Person, Shape, bssid_of
from tests.system.lobby import lobby

DAY = 86_400


class Tablet:
    """A machine on which there is nothing but the agent."""

    def __init__(self, processes: Processes, folder: Path, *, clock: Path | None = None) -> None:
        self.home = folder / "tablet"
        self._processes = processes
        self._env = {} if clock is None else {"INNWATCH_CLOCK": str(clock)}

    def start(self, *options: str) -> Process:
        return self._processes.start([str(INNWATCH), "agent", "--home", str(self.home), *options], env=self._env)

    @property
    def kept(self) -> dict[str, Any]:
        kept: dict[str, Any] = json.loads((self.home / "agent.json").read_text())["enrolled"]["identity"]
        return kept


def enrolment(manager: Person, **fields: object) -> dict[str, str]:
    reply = manager.post("/api/enrolments", {"roomId": "101", **fields})
    assert reply.status_code == 201, reply.text
    issued: dict[str, str] = reply.json()
    return issued


def device(person: Person, name: str) -> dict[str, Any] | None:
    found = [one for one in person.all("/api/devices") if one["deviceId"] == name]
    return found[0] if found else None


def link_of(person: Person, name: str) -> str | None:
    found = device(person, name)
    return None if found is None else found["link"]


def leave(agent: Process) -> None:
    """Let it say goodbye."""
    agent.signal(signal.SIGTERM)
    eventually_sync(lambda: agent.exit_code() == 0, within=10)


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    return tmp_path / "clock"


@pytest.fixture
def shape() -> Shape:
    return Shape.EMBEDDED


@pytest.fixture
def innwatch(install: Install, shape: Shape, clock: Path) -> Installation:
    installation = install(shape, env={"INNWATCH_CLOCK": str(clock)})
    # An API by itself knows the broker only as the bridge reaches it.
    installation.env["INNWATCH_PUBLIC_MQTT_URL"] = f"mqtt://127.0.0.1:{installation.mqtt_port}"
    installation.start("--for-tests")
    installation.cli("hotel", "add", "grand", "--profile", "strict")
    installation.cli("room", "add", "grand", "101", "--floor", "1", "--ap", bssid_of(101), "--floor-rssi", "-75")
    return installation


def test_a_picture_brings_a_blank_machine_to_its_first_heartbeat_on_the_console(
    innwatch: Installation, processes: Processes, tmp_path: Path
) -> None:
    manager = innwatch.person("mia", role="manager")
    expect.set_options(timeout=1000 * SOON)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=requires("chromium"), args=["--no-sandbox"])
        page = chromium.new_page()
        log_in(page, innwatch, "mia")
        page.get_by_role("link", name="Tablets").click()
        expect(page.get_by_text("This hotel has no tablets yet.")).to_be_visible()

        issued = enrolment(manager)
        assert issued["qr"] == picture_of(issued["link"])
        tablet = Tablet(processes, tmp_path)
        tablet.start("--id", "tab-blank", "--enrol", issued["link"])

        tile = page.locator('[data-device="tab-blank"]')
        expect(tile).to_contain_text("Online", timeout=30_000)
        expect(tile).to_contain_text("heard just now")
        expect(tile).to_contain_text("101")
        chromium.close()
    heard = device(manager, "tab-blank")
    assert heard is not None
    assert (heard["roomId"], heard["posture"]) == ("101", "in-room")
    assert stat.S_IMODE((tablet.home / "agent.json").stat().st_mode) == 0o600


def picture_of(link: str) -> str:
    """What a camera reads from the answer's picture: nothing but this link is drawn so."""
    drawn = io.BytesIO()
    segno.make(link, error="m", micro=False).save(drawn, kind="svg", scale=4, xmldecl=False, title="Enrolment")
    return drawn.getvalue().decode().strip()


def log_in(page: Page, innwatch: Installation, person: str) -> None:
    page.goto(innwatch.url)
    page.get_by_label("Username").fill(person)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


@pytest.mark.parametrize(
    "shape", [Shape.EMBEDDED, Shape.SEPARATE, pytest.param(Shape.SERVER, marks=pytest.mark.server)]
)
def test_an_agent_renews_in_time_and_lives_on_beyond_the_end_of_its_first_token(
    innwatch: Installation, processes: Processes, tmp_path: Path, clock: Path
) -> None:
    manager = innwatch.person("mia", role="manager")
    tablet = Tablet(processes, tmp_path, clock=clock)
    agent = tablet.start("--id", "tab-blank", "--enrol", enrolment(manager)["link"])
    eventually_sync(lambda: link_of(manager, "tab-blank") == "online", within=30)
    first = tablet.kept["token"]

    clock.write_text(str(int(30 * DAY * 0.845)))
    eventually_sync(lambda: tablet.kept["token"] != first, within=30)
    # The people's tokens have ended meanwhile.
    manager = innwatch.log_in("mia", PASSWORD, hotel="grand")
    eventually_sync(lambda: link_of(manager, "tab-blank") == "online", within=30)

    clock.write_text(str(31 * DAY))
    manager = innwatch.log_in("mia", PASSWORD, hotel="grand")
    eventually_sync(lambda: _heard_since(manager, timedelta(days=31)), within=30)
    assert [alert["rule"] for alert in manager.open_alerts() if alert["family"] == "token"] == []
    assert agent.exit_code() is None


def _heard_since(person: Person, moved: timedelta) -> bool:
    found = device(person, "tab-blank")
    if found is None or found["link"] != "online":
        return False
    age = datetime.now(UTC) + moved - datetime.fromisoformat(found["lastHeard"])
    return age < timedelta(seconds=20)


def lets_in(innwatch: Installation, token: str) -> bool:
    """Whether the broker has heard that the hotel may come in again."""
    with lobby(innwatch) as guests:
        guest = guests.try_to_enter("grand/user/mia/probe", token)
        eventually_sync(lambda: guest.is_in or guest.refused)
        return guest.is_in


def test_an_agent_that_is_refused_keeps_its_token_and_comes_back_when_it_may(
    innwatch: Installation, processes: Processes, tmp_path: Path
) -> None:
    manager = innwatch.person("mia", role="manager")
    tablet = Tablet(processes, tmp_path)
    running = tablet.start("--id", "tab-blank", "--enrol", enrolment(manager)["link"])
    eventually_sync(lambda: link_of(manager, "tab-blank") == "online", within=30)
    leave(running)
    kept = (tablet.home / "agent.json").read_bytes()

    innwatch.cli("hotel", "suspend", "grand")
    refused = tablet.start()
    eventually_sync(lambda: "refused the connection" in refused.output(), within=20)
    leave(refused)
    assert (tablet.home / "agent.json").read_bytes() == kept

    innwatch.cli("hotel", "resume", "grand")
    manager = eventually_sync(lambda: innwatch.log_in("mia", PASSWORD, hotel="grand"), within=10)
    eventually_sync(lambda: lets_in(innwatch, manager.token), within=10)  # or the agent waits a minute to try again
    tablet.start()
    eventually_sync(lambda: link_of(manager, "tab-blank") == "online", within=30)


def test_a_wiped_tablet_waits_for_a_yes_and_its_old_token_is_void_then(
    innwatch: Installation, processes: Processes, tmp_path: Path
) -> None:
    manager = innwatch.person("mia", role="manager")
    before = Tablet(processes, tmp_path / "before")
    old = before.start("--id", "tab-blank", "--enrol", enrolment(manager)["link"])
    eventually_sync(lambda: link_of(manager, "tab-blank") == "online", within=30)
    leave(old)

    issued = enrolment(manager)
    wiped = Tablet(processes, tmp_path / "wiped")
    waits = wiped.start("--id", "tab-blank", "--enrol", issued["link"])
    eventually_sync(lambda: "waits for somebody" in waits.output(), within=20)
    assert manager.post(f"/api/enrolments/{issued['id']}/approve", {}).status_code == 200
    eventually_sync(lambda: "enrolled" in waits.output(), within=30)
    eventually_sync(lambda: link_of(manager, "tab-blank") == "online", within=30)

    leave(waits)
    refused = before.start()
    eventually_sync(lambda: "refused the connection" in refused.output(), within=20)


@pytest.mark.parametrize("deed", ["used", "withdrawn", "expired"])
def test_a_code_that_is_of_no_use_is_refused_with_the_reason_and_leaves_no_token(
    innwatch: Installation, processes: Processes, tmp_path: Path, clock: Path, deed: str
) -> None:
    manager = innwatch.person("mia", role="manager")
    issued = enrolment(manager)
    if deed == "used":
        headers = {"Authorization": f"Bearer {issued['code']}"}
        body = {"deviceId": "tab-first"}
        assert plain.post(f"{innwatch.url}/api/devices/register", json=body, headers=headers).status_code == 200
    elif deed == "withdrawn":
        assert manager.post(f"/api/enrolments/{issued['id']}/withdraw", {}).status_code == 200
    else:
        clock.write_text("1000")

    late = Tablet(processes, tmp_path)
    ended = late.start("--id", "tab-late", "--enrol", issued["code"], "--server", innwatch.url)
    eventually_sync(lambda: ended.exit_code() is not None, within=20)
    assert ended.exit_code() == 1
    assert deed in ended.output()
    assert issued["code"] not in ended.output()
    assert json.loads((late.home / "agent.json").read_text())["enrolled"] is None
