"""A crew in a process of its own, as `innwatch worker` makes one: says ten times a second what they lack and count.

`python -m tests.config.foreman NAME SIZE SILENCE`: the members run the coroutine of that name in member.py.
"""

import asyncio
import sys

import msgspec
import uvloop

from config.crew import Crew
from config.logs import set_up_logs
from config.serving import stop_on_signal


class Said(msgspec.Struct):
    lacks: list[str]
    counts: dict[str, float]


async def main(name: str, size: int, silence: float) -> None:
    stop = stop_on_signal()
    command = [sys.executable, "-c", f"from tests.config import member; member.main({name!r})"]
    with Crew.made(lambda _: command, size=size, silence=silence) as crew:
        async with asyncio.TaskGroup() as parts:
            others = [parts.create_task(crew.run()), parts.create_task(say(crew))]
            await stop.wait()
            for other in others:
                other.cancel()


async def say(crew: Crew) -> None:
    while True:
        counts = {sample.name: sample.value for metric in crew.registry.collect() for sample in metric.samples}
        sys.stdout.write(msgspec.json.encode(Said(crew.problems(), counts)).decode() + "\n")
        sys.stdout.flush()
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    set_up_logs(level="INFO", as_json=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
