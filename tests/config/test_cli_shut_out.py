"""Throwing somebody out by the command line: what it does, what it says, and what it refuses."""

from datetime import UTC, datetime, timedelta

import pytest

from broker.tokens import Claims, KeyRing
from rules.ids import DeviceId, HotelId
from rules.memory import SilenceMemory
from rules.messages import TokenEnd
from rules.revoked import Revoked
from rules.state import DeviceState, LinkState
from store import Batch, Store
from tests.config.command_line import CommandLine

H = HotelId("h")


@pytest.fixture
def hotel(cli: CommandLine) -> CommandLine:
    """An installation with hotel `h`, tablet `t`, integrator `pms` and the person `ada`."""
    cli("hotel", "add", "h", "--timezone", "Europe/Vienna")
    cli("room", "add", "h", "101")
    cli("device", "add", "h", "t", "--room", "101")
    cli("integrator", "add", "h", "pms")
    cli("user", "add", "h", "ada", "--role", "staff")
    return cli


def deeds(cli: CommandLine) -> tuple[Revoked, ...]:
    return cli.with_store(lambda store: store.revoked(0))[1]


def claims_of(cli: CommandLine, *words: str) -> Claims:
    token = cli("token", *words).out.strip()
    return KeyRing.of(cli.folder.signing_key()).verify(token, audience="mqtt", now=datetime.now(UTC))


def test_a_revoked_tablet_gets_a_token_of_the_next_generation(hotel: CommandLine) -> None:
    assert claims_of(hotel, "device", "h", "t").gen == 1
    ended = hotel("device", "revoke", "h", "t")

    assert ended.lines == [
        "revoked t of h: its tokens are void, its connection is closed within seconds",
        "a new token: innwatch token device h t",
    ]
    assert ended.err == ""
    assert [(deed.kind, deed.name, deed.gen) for deed in deeds(hotel)] == [("device", "t", 2)]
    assert claims_of(hotel, "device", "h", "t").gen == 2


def test_a_tablet_that_was_revoked_before_and_did_not_come_back_is_named(hotel: CommandLine) -> None:
    first = hotel("device", "revoke", "h", "t", "--json").json()
    assert (first["gen"], first["id"], first["hotelId"]) == (2, "t", "h")
    again = hotel("device", "revoke", "h", "t")
    assert "it was revoked before, at " in again.err
    assert "CET" in again.err or "CEST" in again.err  # at the hotel's own time

    async def is_heard(store: Store) -> None:
        device = await store.find_device(H, DeviceId("t"))
        assert device is not None
        now = datetime.now(UTC) + timedelta(seconds=1)
        await store.apply(Batch(received_at=now, states={device.key: DeviceState(last_heard=now)}))

    hotel.with_store(is_heard)
    assert hotel("device", "revoke", "h", "t").err == ""


def test_a_tablet_that_we_keep_away_is_shown_as_that(hotel: CommandLine) -> None:
    async def is_out(store: Store) -> None:
        device = await store.find_device(H, DeviceId("t"))
        assert device is not None
        state = DeviceState(link=LinkState.AWAY, silence=SilenceMemory(token_ended=TokenEnd.REVOKED))
        await store.apply(Batch(received_at=datetime.now(UTC), states={device.key: state}))

    hotel.with_store(is_out)
    assert "away (token revoked)" in hotel("device", "show", "h", "t").out
    assert "away (token revoked)" in hotel("device", "list", "h").out
    shown = hotel("device", "show", "h", "t", "--json").json()
    assert (shown["link"], shown["tokenEnded"]) == ("away", "revoked")


def test_a_person_is_disabled_and_enabled(hotel: CommandLine) -> None:
    ended = hotel("user", "disable", "ada")
    assert ended.lines == ["ada is disabled: logged out everywhere within seconds (see `innwatch user enable`)"]
    assert hotel("user", "disable", "ada").lines == ["ada was disabled already"]
    assert hotel("user", "disable", "ada", "--json").json() == {"name": "ada", "disabled": True, "changed": False}
    assert hotel.refused("token", "user", "h", "ada").code == 1
    assert hotel("user", "show", "h", "ada", "--json").json()["disabled"] is True

    assert hotel("user", "enable", "ada").lines == ["ada may log in again"]
    assert hotel("user", "enable", "ada").lines == ["ada was not disabled"]
    assert hotel("user", "enable", "ada", "--json").json() == {"name": "ada", "disabled": False, "changed": False}
    assert claims_of(hotel, "user", "h", "ada").gen == 2
    assert [(deed.kind, deed.name, deed.gen) for deed in deeds(hotel)] == [("user", "ada", 2)]


def test_a_hotel_is_suspended_and_resumed(hotel: CommandLine) -> None:
    assert hotel("hotel", "suspend", "h").lines == [
        "suspended h: everybody of it is out within seconds, and its tablets are not watched",
        "to let them in again: innwatch hotel resume h",
    ]
    (again,) = hotel("hotel", "suspend", "h").lines
    assert again.startswith("h was suspended already, at 2")
    since = hotel("hotel", "suspend", "h", "--json").json()["suspendedAt"]
    assert hotel("hotel", "show", "h", "--json").json()["suspendedAt"] == since
    assert since is not None
    assert "suspended: the token opens nothing" in hotel("token", "device", "h", "t").err

    assert hotel("hotel", "resume", "h").lines == [
        "resumed h; those of its tablets that stay away are in `innwatch device list h`"
    ]
    assert hotel("hotel", "resume", "h").lines == ["h was not suspended"]
    assert hotel("hotel", "resume", "h", "--json").json() == {"id": "h", "suspendedAt": None, "changed": False}
    assert hotel("token", "device", "h", "t").err == ""
    assert [(deed.kind, deed.name, deed.gen) for deed in deeds(hotel)] == [("hotel", "h", 0)]


def test_an_integrator_is_revoked(hotel: CommandLine) -> None:
    assert hotel("integrator", "revoke", "h", "pms").lines == [
        "revoked integrator pms of h: its tokens are void, its connections are closed within seconds",
        "a new token: innwatch token integrator h pms",
    ]
    assert claims_of(hotel, "integrator", "h", "pms").gen == 2
    assert hotel("integrator", "revoke", "h", "pms", "--json").json()["gen"] == 3


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("device revoke h x", "no device x"),
        ("device revoke x t", "no hotel x"),
        ("integrator revoke h x", "no integrator x"),
        ("integrator revoke x pms", "no hotel x"),
        ("user disable x", "no user x"),
        ("user enable x", "no user x"),
        ("hotel suspend x", "no hotel x"),
        ("hotel resume x", "no hotel x"),
    ],
)
def test_who_is_not_there_is_named(hotel: CommandLine, command: str, said: str) -> None:
    ended = hotel.refused(*command.split())
    assert (ended.code, ended.out, ended.err) == (1, "", f"innwatch: {said}\n")
    assert deeds(hotel) == ()
