"""Passwords: verified off the loop, few at a time."""

import asyncio

import pytest
from argon2 import PasswordHasher, extract_parameters

from api.passwords import STAND_IN, Passwords, PasswordsBusy

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


async def test_the_right_password_matches_and_another_does_not() -> None:
    stored = PasswordHasher().hash("open sesame")

    assert await Passwords().match("open sesame", stored)
    assert not await Passwords().match("open barley", stored)


async def test_no_account_and_a_broken_hash_match_nothing() -> None:
    assert not await Passwords().match("open sesame", None)
    assert not await Passwords().match("open sesame", "not a hash")


def test_a_name_that_nobody_has_costs_as_much_as_a_wrong_password() -> None:
    assert extract_parameters(STAND_IN) == extract_parameters(PasswordHasher().hash("x"))


async def test_whoever_comes_when_too_many_wait_is_sent_away_and_the_others_are_served() -> None:
    passwords = Passwords(at_once=1, waiting=2)
    stored = CHEAP.hash("open sesame")
    async with asyncio.TaskGroup() as group:
        served = [group.create_task(passwords.match("open sesame", stored)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(PasswordsBusy):
            await passwords.match("open sesame", stored)

    assert [task.result() for task in served] == [True, True, True]
    assert await passwords.match("open sesame", stored)
