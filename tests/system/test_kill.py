"""kill -9 at any moment: nothing that was acknowledged is lost, nothing is stored twice, every notice finds its end."""

import asyncio
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import Processes, eventually_sync
from tests.system.installation import Installation, Shape
from tests.system.receivers import mailbox, webhook
from tests.system.tablets import Tablet, read_tablets

TABLETS, KILLS = 20, 10


@pytest.mark.timeout(240)
def test_nothing_acknowledged_is_lost_and_nothing_is_stored_twice(processes: Processes, tmp_path: Path) -> None:
    with mailbox() as mail, webhook() as slack:
        clock = tmp_path / "clock"
        clock.write_text("0")
        env = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(mail.port), "INNWATCH_CLOCK": str(clock)}
        innwatch = Installation(processes, tmp_path, env=env)
        innwatch.start("--for-tests")
        tablets = furnish(innwatch, "--email", "night@hotel.example", "--slack-webhook", slack.url)

        asyncio.run(send_while_killing(innwatch, tablets, lambda _: innwatch.kill()))

        everything_acknowledged_is_stored_once(innwatch, tablets)
        manager = innwatch.person("max", role="manager")

        def every_notice_found_its_end() -> bool:
            rows = manager.all("/api/notifications")
            assert all(row["lastError"] for row in rows if row["state"] == "cancelled"), "one gives no reason"
            return {"delivered"} <= {row["state"] for row in rows} <= {"delivered", "dead", "cancelled"}

        clock.write_text("130")  # A worker that was killed in the middle of a delivery holds its claim for two minutes.
        eventually_sync(every_notice_found_its_end, within=60, every=1)


def test_a_broker_by_itself_loses_nothing_either_whichever_process_is_killed(
    processes: Processes, tmp_path: Path
) -> None:
    innwatch = Installation(processes, tmp_path, shape=Shape.SEPARATE)
    innwatch.start()
    tablets = furnish(innwatch)

    def kill(number: int) -> None:
        victims = (innwatch.broker, innwatch.process) if number % 5 == 4 else (innwatch.broker,)
        for victim in victims if number % 2 == 0 else (innwatch.process,):
            assert victim is not None
            victim.kill()

    asyncio.run(send_while_killing(innwatch, tablets, kill))

    everything_acknowledged_is_stored_once(innwatch, tablets)


def furnish(innwatch: Installation, *channels: str) -> list[Tablet]:
    """A hotel with tablets that are ready to send."""
    innwatch.furnish(rooms=0, channels=channels)
    words = ("device", "add", "grand", "--count", str(TABLETS), "--prefix", "tab-", "--tokens", "--csv")
    return read_tablets(innwatch.cli(*words), port=innwatch.mqtt_port)


def everything_acknowledged_is_stored_once(innwatch: Installation, tablets: list[Tablet]) -> None:
    """A broker by itself may still have some of it for the bridge, so it is waited for."""
    acknowledged = {(tablet.name, message_id) for tablet in tablets for message_id in tablet.acknowledged}
    assert len(acknowledged) > KILLS * TABLETS

    def stored() -> list[tuple[str, str]]:
        rows = map(json.loads, innwatch.cli("messages", "grand", "--json").splitlines())
        return [(row["deviceId"], row["id"]) for row in rows]

    def nothing_is_missing() -> bool:
        assert acknowledged - set(stored()) == set()
        return True

    eventually_sync(nothing_is_missing, within=15, every=0.5)
    found = stored()
    assert len(found) == len(set(found))


async def send_while_killing(innwatch: Installation, tablets: list[Tablet], kill: Callable[[int], None]) -> None:
    """Have the tablets send, and `kill` and start again ten times."""
    done = asyncio.Event()
    dice = random.Random(20261122)
    async with asyncio.TaskGroup() as tasks:
        for tablet in tablets:
            tasks.create_task(tablet.run(done))
        for number in range(KILLS):
            await asyncio.sleep(dice.uniform(0.3, 1.5))
            kill(number)
            await asyncio.to_thread(innwatch.start)
        await asyncio.sleep(1)
        done.set()
