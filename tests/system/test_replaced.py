"""A tablet's later life on a running installation: other hardware, another room, and the end."""

from pathlib import Path

import pytest

from tests.support import Processes, eventually_sync
from tests.system.conftest import Install
from tests.system.installation import Installation, Shape, bssid_of
from tests.system.test_agent import Tablet, device, enrolment, link_of


@pytest.fixture
def innwatch(install: Install) -> Installation:
    installation = install(Shape.EMBEDDED)
    installation.start("--for-tests")
    installation.cli("hotel", "add", "grand", "--profile", "strict")
    for room in (101, 102):
        installation.cli("room", "add", "grand", str(room), "--floor", "1", "--ap", bssid_of(room))
    return installation


def test_a_tablet_lives_on_in_other_hardware_and_another_room_until_it_is_retired(
    innwatch: Installation, processes: Processes, tmp_path: Path
) -> None:
    manager = innwatch.person("mia", role="manager")
    old = Tablet(processes, tmp_path / "old")
    stolen = old.start("--id", "tab-old", "--enrol", enrolment(manager)["link"])
    eventually_sync(lambda: link_of(manager, "tab-old") == "online", within=30)
    history = len(manager.get("/api/devices/tab-old/history")["items"])

    replaced = manager.post("/api/devices/tab-old/replace", {"newDeviceId": "tab-new"})
    assert replaced.status_code == 200, replaced.text
    eventually_sync(lambda: "refused the connection" in stolen.output(), within=20)
    assert device(manager, "tab-old") is None
    eventually_sync(lambda: link_of(manager, "tab-new") == "away", within=10)
    new = Tablet(processes, tmp_path / "new")
    agent = new.start("--id", "tab-new", "--enrol", replaced.json()["link"])
    eventually_sync(lambda: link_of(manager, "tab-new") == "online", within=30)
    assert len(manager.get("/api/devices/tab-new/history")["items"]) >= history > 0

    token = new.kept["token"]
    assert manager.post("/api/devices/tab-new/move", {"roomId": "102"}).status_code == 200
    eventually_sync(lambda: (device(manager, "tab-new") or {}).get("roomId") == "102", within=10)
    assert (new.kept["token"], link_of(manager, "tab-new")) == (token, "online")

    innwatch.cli("device", "retire", "grand", "tab-new")
    eventually_sync(lambda: "refused the connection" in agent.output(), within=20)
    assert manager.all("/api/devices") == []
    assert manager.open_alerts() == []
