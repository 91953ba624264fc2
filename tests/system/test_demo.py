"""The simulator against the real thing: tablets that are there, and one that walks away."""

import os
from pathlib import Path

from config.folder import Folder
from tests.support import Processes, eventually_sync
from tests.system.installation import INNWATCH, Installation


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def children_of(pid: int) -> list[int]:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for thread in threads for child in (thread / "children").read_text().split()]


def test_a_demo_shows_its_tablets_and_takes_them_along_when_it_is_killed(processes: Processes, tmp_path: Path) -> None:
    innwatch = Installation(processes, tmp_path)
    process = innwatch.start("--demo", "3")
    admin = innwatch.admin()
    assert Folder(innwatch.data).address() == f"{innwatch.url}/", "whoever makes a link beside it is to know"

    def links() -> list[str]:
        return [device["link"] for device in admin.all("/api/devices")]

    eventually_sync(lambda: links() == ["online"] * 3)
    tablets = children_of(process.pid)
    assert len(tablets) == 1
    process.kill()
    eventually_sync(lambda: not is_running(tablets[0]))


def test_a_simulated_tablet_that_walks_away_opens_a_breach(processes: Processes, tmp_path: Path) -> None:
    innwatch = Installation(processes, tmp_path)
    innwatch.start()
    innwatch.furnish(rooms=0)
    sam = innwatch.person("sam")
    scenario = ["--tablets", "2", "--scenario", "walk-away", "--speed", "4", "--seed", "7"]
    command = [str(INNWATCH), "simulate", "grand", *scenario, "--mqtt-port", str(innwatch.mqtt_port)]
    processes.start([*command, "--data", str(innwatch.data)])
    alerts = eventually_sync(sam.open_alerts, within=60, every=0.2)
    assert {alert["family"] for alert in alerts} == {"breach"}
