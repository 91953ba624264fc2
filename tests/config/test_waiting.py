"""Waiting for what is not there yet: said once in the log, always on the health page."""

import logging

import pytest

from config.logs import as_text
from config.waiting import STARTING, NotYet, Waiting


async def test_a_process_says_what_it_waits_for_until_it_has_it(caplog: pytest.LogCaptureFixture) -> None:
    waiting = Waiting()
    said = [waiting.problems()]
    answers = iter([NotYet("no database", detail="db:5432 refuses"), NotYet("no database"), NotYet("an old one"), None])

    async def attempt() -> str:
        said.append(waiting.problems())
        answer = next(answers)
        if answer is not None:
            raise answer
        return "open"

    with caplog.at_level(logging.WARNING):
        assert await waiting.until(attempt) == "open"
    waiting.over()

    assert said == [[STARTING], [STARTING], ["no database"], ["no database"], ["an old one"]]
    assert [as_text(record) for record in caplog.records] == [
        'waiting: missing="no database" error="db:5432 refuses"',
        'waiting: missing="an old one"',
    ]
    assert waiting.problems() == []


async def test_another_fault_ends_the_waiting() -> None:
    async def attempt() -> None:
        raise ValueError("a fault")

    with pytest.raises(ValueError, match="a fault"):
        await Waiting().until(attempt)
