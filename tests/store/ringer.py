"""Another process with a doorbell: says "heard", and when, for every ring that it hears, and rings at SIGUSR1.

When is in seconds of the machine's monotonic clock, which all its processes share.
"""

import asyncio
import signal
import sys
import time

from store.redis_doorbell import RedisDoorbell

LONG = 3600.0


async def main(url: str) -> None:
    doorbell = RedisDoorbell(url)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, doorbell.ring)
    async with asyncio.TaskGroup() as parts:
        parts.create_task(doorbell.run())
        with doorbell.listen() as bell:
            while True:
                await bell.wait(LONG)
                say("heard")


def say(what: str) -> None:
    sys.stdout.write(f"{what} {time.monotonic()}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
