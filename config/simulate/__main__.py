"""The child process of `Demo`: one line of orders on standard input, then tablets until that is closed."""

import logging
import os
import signal
import sys

import msgspec

from config.clock import Clock
from config.logs import set_up_logs
from config.simulate.fleet import Fleet, Orders

log = logging.getLogger("config.simulate")


def run() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent closes our input in time
    set_up_logs(level="WARNING", as_json=False)
    orders = _orders(sys.stdin.fileno())
    if orders is None:
        return  # the parent was gone before it said anything
    fleet = Fleet(orders.plan, clock=Clock(orders.clock_file).now, say=log.info)
    signal.signal(signal.SIGTERM, lambda _number, _frame: fleet.stop())
    fleet.stop_when_closed(sys.stdin.fileno())
    fleet.run()


def _orders(descriptor: int) -> Orders | None:
    """Read the line and not one byte more, or a buffer would hide the end of the input from the selector."""
    line = bytearray()
    while not line.endswith(b"\n"):
        read = os.read(descriptor, 65_536)
        if not read:
            return None
        line += read
    return msgspec.json.decode(line, type=Orders)


if __name__ == "__main__":
    run()
