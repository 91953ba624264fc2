"""What a start finds in the folder, and what it makes there."""

import logging
from datetime import UTC, datetime

import pytest

from broker.tokens import KeyRing
from config.first_run import ADMIN, DEMO, furnish
from config.folder import FirstLogin
from config.passwords import hash_password
from config.settings import Settings
from config.simulate.hotel import demo_tablets
from store import INNWATCH
from tests.config.command_line import CommandLine

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
URL = "http://127.0.0.1:8080/"


def started(cli: CommandLine, *, demo: bool = False) -> FirstLogin:
    return cli.with_store(
        lambda store: furnish(store, cli.folder, settings=Settings(), url=URL, demo=demo, now=lambda: NOW)
    )


def test_a_password_that_was_replaced_is_not_told_again(cli: CommandLine) -> None:
    first = started(cli)
    cli("user", "password", first.username)

    again = started(cli)

    assert first.password != ""
    assert (again.username, again.password) == (first.username, "")
    assert not cli.folder.first_login.exists()


def test_the_first_login_is_somebody_elses_choice_until_its_reader_makes_one(cli: CommandLine) -> None:
    first = started(cli)
    before = cli.with_store(lambda store: store.find_account(ADMIN))
    assert before is not None
    assert before.temporary
    assert started(cli) == first

    mine = hash_password("my own pass phrase")
    cli.with_store(lambda store: store.choose_password(ADMIN, mine, gen=before.gen, by=INNWATCH, now=NOW))
    again = started(cli)

    assert again.password == ""
    assert not cli.folder.first_login.exists()


@pytest.mark.parametrize(("demo", "warned"), [(True, False), (False, True)])
def test_a_demo_that_nobody_simulates_any_more_is_warned_of(
    cli: CommandLine, caplog: pytest.LogCaptureFixture, *, demo: bool, warned: bool
) -> None:
    started(cli, demo=True)
    keys = KeyRing.of(cli.folder.signing_key())
    cli.with_store(lambda store: demo_tablets(store, DEMO, keys=keys, count=1, now=NOW))

    with caplog.at_level(logging.WARNING):
        started(cli, demo=demo)

    assert ("not simulated without --demo" in caplog.text) is warned
