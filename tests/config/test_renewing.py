"""When a tablet asks for its next token, and what it keeps on its disk."""

import ssl
import stat
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from broker.tokens import KeyRing, mint_device
from config.errors import StartRefused
from config.simulate.enrol import enrol, read_ticket
from config.simulate.home import Enrolled, Home
from config.simulate.renewing import Renewing, life_of
from rules.ids import DeviceId, HotelId
from tests.config.desk import identities
from tests.support import free_port

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MONTH = timedelta(days=30)
RING = KeyRing.of("a key that only the tests of the agent know")


def a_token(life: timedelta = MONTH) -> str:
    return mint_device(RING, hotel_id=HotelId("grand"), device_id=DeviceId("t1"), gen=1, now=NOW, ttl=life)


def asks_from(renewing: Renewing) -> float:
    """From which part of its life on, in percent."""
    return next(part for part in range(1, 101) if renewing.is_due(NOW + MONTH * part / 100, 0.0))


def test_a_token_says_how_long_it_is_good() -> None:
    assert life_of(a_token()) == MONTH
    assert [life_of(text) for text in ("", "token", "a.b.c", "a.eyJ9.c", "a.e30.c")] == [None] * 5


def test_each_asks_between_80_and_84_percent_of_its_life_and_not_all_at_once() -> None:
    chance = Random(7)
    times = {asks_from(Renewing(a_token(), received_at=NOW, chance=chance)) for _ in range(200)}
    assert times == {81, 82, 83, 84}


def test_a_wrong_clock_makes_no_difference() -> None:
    """The life counts from when the token came, by the tablet's own clock."""
    long_ago = NOW - timedelta(days=20_000)
    renewing = Renewing(a_token(), received_at=long_ago, chance=Random(7))
    assert not renewing.is_due(long_ago + 0.79 * MONTH, 0.0)
    assert renewing.is_due(long_ago + 0.85 * MONTH, 0.0)


def test_without_an_answer_it_asks_again_ever_more_seldom() -> None:
    renewing = Renewing(a_token(), received_at=NOW - MONTH, chance=Random(7))
    asked: list[int] = []
    for second in range(4 * 3600):
        if renewing.is_due(NOW, second):
            renewing.asked(second)
            asked.append(second)
    pauses = [after - before for before, after in pairwise(asked)]
    assert asked[0] == 0
    assert 22 <= pauses[0] <= 38
    assert max(pauses) <= 900 * 1.25 + 1
    assert len(asked) < 25


def test_a_new_token_begins_a_new_life() -> None:
    renewing = Renewing(a_token(), received_at=NOW - MONTH, chance=Random(7))
    renewing.asked(0)
    renewing.take(a_token(), received_at=NOW)
    assert not renewing.is_due(NOW + 0.79 * MONTH, 0.0)
    assert renewing.is_due(NOW + 0.85 * MONTH, 0.0)


def test_what_is_no_token_of_ours_is_never_renewed() -> None:
    assert not Renewing("secret", received_at=NOW - 100 * MONTH, chance=Random(7)).is_due(NOW, 0.0)


# -- at home


def enrolled() -> Enrolled:
    return Enrolled(server="https://watch.example", broker="mqtts://watch.example:8883", identity=identities(1)[0])


def test_a_home_keeps_who_it_is_and_its_token_for_its_owner_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert home.enrolled() is None
    assert not home.path.exists()
    home.keep(enrolled())
    assert home.enrolled() == enrolled()
    (file,) = home.path.iterdir()
    assert (stat.S_IMODE(home.path.stat().st_mode), stat.S_IMODE(file.stat().st_mode)) == (0o700, 0o600)


def test_a_renewed_token_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.keep(enrolled())
    home.keep_token(enrolled().identity, "newer", NOW)
    kept = home.enrolled()
    assert kept is not None
    assert (kept.identity.token, kept.identity.received_at, kept.broker) == ("newer", NOW, enrolled().broker)


def test_an_agent_is_who_it_said_it_is_although_it_never_got_an_answer(tmp_path: Path) -> None:
    first = Home(tmp_path).device_id(None, otherwise=DeviceId("tab-1"))
    assert Home(tmp_path).device_id(None, otherwise=DeviceId("tab-2")) == first
    with pytest.raises(StartRefused, match="home of tab-1"):
        Home(tmp_path).device_id(DeviceId("tab-2"), otherwise=DeviceId("tab-2"))


def test_what_is_no_home_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartRefused, match=r"cannot read .*/file/agent\.json: Not a directory$"):
        Home(tmp_path / "file").enrolled()


def test_why_a_server_cannot_be_reached_is_told_without_the_code() -> None:
    ticket = read_ticket(f"http://127.0.0.1:{free_port()}/enrol#7K3M-9QXT-2WPA", server=None)
    with pytest.raises(StartRefused, match="Connection refused") as refusal:
        enrol(ticket, DeviceId("tab-1"), tls=ssl.create_default_context(), clock=lambda: NOW, say=print)
    assert "7K3M" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("https://watch.example/enrol#7K3M-9QXT-2WPA", None),
        ("https://watch.example/enrol#7K3M-9QXT-2WPA", "https://elsewhere.example"),
        ("7K3M-9QXT-2WPA", "https://watch.example/"),
    ],
)
def test_a_ticket_is_a_link_or_a_code_with_its_server(text: str, server: str | None) -> None:
    ticket = read_ticket(text, server=server)
    assert (ticket.server, ticket.code) == ("https://watch.example", "7K3M-9QXT-2WPA")
    assert ticket.code not in repr(ticket)


@pytest.mark.parametrize(
    "text", ["7K3M-9QXT-2WPA", "ftp://watch.example/enrol#7K3M", "https://watch.example/enrol#", ""]
)
def test_a_ticket_that_leads_nowhere_is_refused_without_its_code(text: str) -> None:
    with pytest.raises(StartRefused) as refused:
        read_ticket(text, server=None)
    assert "7K3M" not in str(refused.value)
