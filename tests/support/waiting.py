"""Waiting for something to become true instead of sleeping and hoping.

A predicate is asked again and again until it answers something truthy, which is then returned. An AssertionError
inside it means "not yet", so that a predicate may assert, and so does a LookupError, for the last of a list that is
still empty; any other exception is a fault of the test and comes out at once.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

SOON = 20.0
"""Seconds until a test that waits gives up: far more than anything takes, for a machine that is busy with much else.
A test about how long something takes says so itself."""

EVERY = 0.02
"""Seconds between two questions: short beside any deadline, long beside the cost of asking."""

EVERY_OF_A_PROCESS = 0.05
"""Longer where another process is asked, which costs both more than a look at a variable."""


@overload
async def eventually(predicate: Callable[[], Awaitable[T]], *, within: float = ..., every: float = ...) -> T: ...
@overload
async def eventually(predicate: Callable[[], T], *, within: float = ..., every: float = ...) -> T: ...
async def eventually(predicate: Callable[[], Awaitable[T] | T], *, within: float = SOON, every: float = EVERY) -> T:
    """Ask a plain or an async predicate until it holds, and return its answer.

    Raises AssertionError after `within` seconds, naming the question and its last answer. A question that hangs is
    cancelled at the deadline.
    """
    last = "no answer at all"
    deadline = asyncio.timeout(within)
    try:
        async with deadline:
            while True:
                try:
                    answer = predicate()
                    value: T = await answer if inspect.isawaitable(answer) else answer
                    if value:
                        return value
                    last = repr(value)
                except (AssertionError, LookupError) as refusal:
                    last = str(refusal) or type(refusal).__name__
                await asyncio.sleep(every)
    except TimeoutError:
        if not deadline.expired():
            raise  # The predicate's own time-out, which the test should see as it is.
    raise AssertionError(_complaint(predicate, within=within, last=last))


def eventually_sync(predicate: Callable[[], T], *, within: float = SOON, every: float = EVERY_OF_A_PROCESS) -> T:
    """Do as `eventually` does, where there is no event loop. A question that hangs is left to pytest's own time-out."""
    deadline = time.monotonic() + within
    while True:
        try:
            value = predicate()
            if value:
                return value
            last = repr(value)
        except (AssertionError, LookupError) as refusal:
            last = str(refusal) or type(refusal).__name__
        if time.monotonic() >= deadline:
            raise AssertionError(_complaint(predicate, within=within, last=last))
        time.sleep(every)


def _complaint(predicate: Callable[[], object], *, within: float, last: str) -> str:
    try:
        question = " ".join(inspect.getsource(predicate).split())
    except (OSError, TypeError):
        question = repr(predicate)
    return f"not within {within:g} s: {question}\nlast answer: {last}"
