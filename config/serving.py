"""What every process that serves has in common: logs, files, the folder's lock, the loop, signals and the exit code."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext

import uvloop

from config.errors import BadSetting, StartRefused
from config.folder import Folder
from config.logs import set_up_logs
from config.process import prepare_process
from config.settings import Settings


class Place:
    """Where a process serves: its settings, its folder, and how many MQTT connections it can hold."""

    def __init__(self, settings: Settings, folder: Folder, *, connections: int) -> None:
        self.settings = settings
        self.folder = folder
        self.connections = connections


def serve(
    settings: Settings,
    run: Callable[[Place], Coroutine[None, None, int]],
    *,
    lock: Callable[[Folder], AbstractContextManager[None]] | None,
    for_tests: bool,
    number: int | None = None,
) -> int:
    """Run until `run` returns, holding the folder's lock; the exit code. Raises StartRefused (nothing is open then).

    Without a lock there need be no folder: such a process keeps nothing there. One of several has its `number` in its
    log.
    """
    set_up_logs(level=settings.log_level, as_json=settings.log_json, number=number)
    connections = prepare_process()
    needs_folder = lock is not None or for_tests
    folder = Folder.make(settings.data, for_tests=for_tests) if needs_folder else Folder(settings.data)
    if settings.clock_file is not None and not folder.is_for_tests:
        raise BadSetting(f"INNWATCH_CLOCK moves time: refused, because {folder.path} was not made with --for-tests")
    try:
        with lock(folder) if lock else nullcontext(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(run(Place(settings, folder, connections=connections)))
    except BaseExceptionGroup as failed:
        refusal = refusal_in(failed)
        if refusal is None:
            raise
        raise refusal from None


def refusal_in(failed: BaseExceptionGroup[BaseException]) -> BaseException | None:
    """Why parts that start together ended, when all that happened is that some of them refused; the first such reason.

    None: there was a fault among them, which must be seen whole.
    """
    refused, faults = failed.split(StartRefused)
    return _first(refused) if refused is not None and faults is None else None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def stop_on_signal() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets, from now on."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
