"""What a serving process asks of the operating system and of the interpreter, once, at its start."""

import gc
import os
import resource
import sys

from config.web_line import Limits

_FILES_FOR_OURSELVES = 256  # database, deliveries, the loop's own


def prepare_process() -> int:
    """Set the process up to serve; how many MQTT connections it can hold beside the HTTP ones.

    Files are for their owner alone. Every connection is a file: as many are allowed as the system lets us have.
    """
    os.umask(0o077)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    except (OSError, ValueError):  # macOS calls its limit unlimited and refuses it
        pass
    return max(64, soft - min(Limits().connections, soft // 2) - _FILES_FOR_OURSELVES)


def settle_memory() -> None:
    """After everything is built: what is there stays, so the collector need not look at it for every few messages.

    In two noisy pairs of the bench's flat-out phase this took 22 % and 2 % of the CPU off a message. The switch
    interval lets the database's thread have the interpreter back soon after each statement; in two pairs it made no
    clear difference to the bench, and it bounds how long a busy loop can keep a commit waiting.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    sys.setswitchinterval(0.001)
