"""A process to kill: writes batch after batch, as fast as it can, and prints the number of each after its commit.

Batch n is of tablet n mod 5: five messages `{n}-0` … `{n}-4`, and an alert `A{n}` that opens and clears.
"""

import asyncio
import sys
from pathlib import Path

from rules.alerts import Family
from rules.ids import DeviceId
from store import Store
from tests.store.given import HOTEL, batch, cleared, heartbeat, later, open_store, opened

TABLETS = 5
MESSAGES = 5


async def write(store: Store, first: int) -> None:
    devices = [await store.find_device(HOTEL, DeviceId(f"tab-{number}")) for number in range(TABLETS)]
    number = first
    while True:
        device = devices[number % TABLETS]
        assert device is not None
        at = later(number / 100)
        messages = [heartbeat(device, f"{number}-{part}", at=at) for part in range(MESSAGES)]
        name = f"A{number}"
        changes = [
            opened(device, name, family=Family.SILENCE, opened_at=at),
            cleared(device, name, family=Family.SILENCE, at=at),
        ]
        await store.apply(batch(*messages, changes=changes, at=at))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        number += 1


async def main(folder: Path, first: int) -> None:
    await write(await open_store(folder), first)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
