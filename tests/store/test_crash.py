"""kill -9 in the middle of writing: what was committed is there, and no batch is there in part."""

import random
import sys
import time
from collections import Counter
from pathlib import Path

from store import Store
from store.records import NotificationState
from tests.store.given import HOTEL, MAIL, add_hotel, count_notifications, open_store
from tests.store.writer import MESSAGES, TABLETS
from tests.support import Process, Processes, eventually_sync

ROOT = Path(__file__).parent.parent.parent
KILLS = 4


def committed(writer: Process) -> list[int]:
    return [int(line) for line in writer.output().split("\n")[:-1]]


def run_and_kill(processes: Processes, folder: Path, *, first: int) -> int:
    """Let a process write for a moment, kill it, and return the number of the last batch that it saw committed."""
    writer = processes.start([sys.executable, "-m", "tests.store.writer", folder, str(first)], cwd=ROOT)
    eventually_sync(lambda: committed(writer), within=30)
    time.sleep(random.uniform(0, 0.2))
    writer.kill()
    return committed(writer)[-1]


async def check(store: Store, *, told: int) -> int:
    """Everything up to batch `told` is there, at most one more, each of them whole. Returns the next number."""
    messages = Counter([int(row.id.split("-")[0]) async for row in store.messages(HOTEL)])
    batches = len(messages)
    assert batches in {told + 1, told + 2}
    assert messages == dict.fromkeys(range(batches), MESSAGES)
    events = await store.events_after(HOTEL, 0, limit=10**6)
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert [event.subject for event in events[TABLETS:]] == [f"A{number}" for number in range(batches) for _ in "oc"]
    assert await count_notifications(store, HOTEL) == {NotificationState.PENDING: 2 * batches}
    assert await store.open_alerts(HOTEL) == []
    return batches


async def test_a_process_that_is_killed_leaves_whole_batches_only(tmp_path: Path, processes: Processes) -> None:
    store = await open_store(tmp_path)
    await add_hotel(store, tablets=TABLETS, channels=[MAIL])
    await store.close()

    written = 0
    for _ in range(KILLS):
        told = run_and_kill(processes, tmp_path, first=written)
        store = await open_store(tmp_path)
        written = await check(store, told=told)
        await store.close()
