"""Thrown out: within five seconds, by every door, and nobody else notices; what is our own deed accuses nobody.

The doors are MQTT by TCP and by websocket, and the event stream of the API. Everybody comes in by all that are open to
them: a tablet has one client id, so there are two of it, and no event stream.
"""

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest

from tests.support import eventually_sync
from tests.support.http import plain
from tests.system.conftest import Install
from tests.system.installation import PASSWORD, Installation, Json, Person, Shape, both_shapes
from tests.system.lobby import Guest, Lobby, Stream, lobby

pytestmark = pytest.mark.timeout(300)

LIFE = "6"
"""Seconds of a token that is to end during a test: enough to come in by it on a busy machine."""

one_process_and_several = pytest.mark.parametrize(
    "shape", [Shape.EMBEDDED, Shape.SEPARATE, pytest.param(Shape.SERVER, marks=pytest.mark.server)]
)


@pytest.fixture
def innwatch(install: Install, tmp_path: Path, shape: Shape) -> Installation:
    installation = install(shape, env={"INNWATCH_CLOCK": str(tmp_path / "clock")})
    installation.start("--for-tests")
    installation.furnish(rooms=3)
    installation.furnish("annex", rooms=2)
    return installation


@pytest.fixture
def inside(innwatch: Installation) -> Iterator[Lobby]:
    with lobby(innwatch) as guests:
        yield guests


@one_process_and_several
def test_whose_token_is_revoked_is_out_by_every_door_and_nobody_else(innwatch: Installation, inside: Lobby) -> None:
    for hotel in ("grand", "annex"):
        innwatch.cli("integrator", "add", hotel, "opera", "--scope", "alerts", "--scope", "events")
    tokens = {
        "grand/tab-101": innwatch.token("device", "grand", "tab-101"),
        "grand/tab-102": innwatch.token("device", "grand", "tab-102"),
        "grand/integrator/opera": innwatch.token("integrator", "grand", "opera"),
        "grand/user/sam": innwatch.person("sam").token,
    }
    thrown_out: dict[str, list[Guest | Stream]] = {
        "grand/tab-101": [inside.tablet("tab-101", token=tokens["grand/tab-101"])],
        "grand/tab-102": [inside.tablet("tab-102", token=tokens["grand/tab-102"], websocket=True)],
        "grand/integrator/opera": inside.by_every_door("grand/integrator/opera", tokens["grand/integrator/opera"]),
        "grand/user/sam": inside.by_every_door("grand/user/sam", tokens["grand/user/sam"]),
    }
    stay = [
        inside.tablet("tab-103"),
        inside.tablet("tab-101", hotel="annex"),
        inside.tablet("tab-102", hotel="annex", websocket=True),
        *inside.by_every_door("annex/integrator/opera", innwatch.token("integrator", "annex", "opera")),
        *inside.by_every_door("grand/user/vi", innwatch.person("vi").token),
    ]

    for name, words in {
        "grand/tab-101": ("device", "revoke", "grand", "tab-101"),
        "grand/tab-102": ("device", "revoke", "grand", "tab-102"),
        "grand/integrator/opera": ("integrator", "revoke", "grand", "opera"),
        "grand/user/sam": ("user", "disable", "sam"),
    }.items():
        assert [guest.name for guest in thrown_out[name] if not guest.is_in] == []
        innwatch.cli(*words)
        inside.assert_out(*thrown_out[name], since=time.monotonic())
        inside.assert_refused(name if name.count("/") == 1 else f"{name}/again", tokens[name])

    assert [guest.name for guest in stay if not guest.is_in] == []
    inside.tablet("tab-101")  # with a new token


@one_process_and_several
def test_whose_token_ends_is_out_by_every_door_and_nobody_else(innwatch: Installation, inside: Lobby) -> None:
    innwatch.cli("integrator", "add", "grand", "opera", "--scope", "events")
    innwatch.person("sam")
    stay = [inside.tablet("tab-103"), *inside.by_every_door("grand/user/vi", innwatch.person("vi").token)]

    ends: list[tuple[Guest | Stream, float]] = []
    for name, websocket in (("tab-101", False), ("tab-102", True)):
        token = innwatch.token("device", "grand", name, "--ttl", LIFE)
        ends.append((inside.tablet(name, token=token, websocket=websocket), end_of(token)))
    for kind, name in (("user", "sam"), ("integrator", "opera")):
        token = innwatch.token(kind, "grand", name, "--ttl", LIFE)
        ends += [(guest, end_of(token)) for guest in inside.by_every_door(f"grand/{kind}/{name}", token)]

    for guest, end in ends:
        inside.assert_out(guest, since=end)
        assert guest.out_at is not None
        assert guest.out_at > end - 1, f"{guest.name} was out {end - guest.out_at:.1f} s too early"
    assert [guest.name for guest in stay if not guest.is_in] == []


def end_of(token: str) -> float:
    """When a token ends, by the clock that the guests look at."""
    left = jwt.decode(token, options={"verify_signature": False})["exp"] - datetime.now(UTC).timestamp()
    return time.monotonic() + float(left)


@one_process_and_several
def test_who_is_removed_or_may_do_less_is_out_of_that_hotel_alone(innwatch: Installation, inside: Lobby) -> None:
    admin = innwatch.admin("grand")
    sam, vi = innwatch.person("sam"), innwatch.person("vi", role="manager")
    innwatch.cli("user", "add", "annex", "sam", "--role", "staff")
    opera, fidelio = (
        admin.post("/api/integrators", {"name": name, "scopes": ["alerts", "events"]}).json()["token"]
        for name in ("opera", "fidelio")
    )
    retired, replaced, stays = (inside.tablet(f"tab-{number}") for number in (101, 102, 103))
    gone: dict[tuple[str, str, Json], list[Guest | Stream]] = {
        ("DELETE", "/api/users/sam", None): inside.by_every_door("grand/user/sam", sam.token),
        ("PATCH", "/api/users/vi", (("role", "staff"),)): inside.by_every_door("grand/user/vi", vi.token),
        ("DELETE", "/api/integrators/opera", None): inside.by_every_door("grand/integrator/opera", opera),
        ("PATCH", "/api/integrators/fidelio", (("scopes", ("events",)),)): inside.by_every_door(
            "grand/integrator/fidelio", fidelio
        ),
        ("DELETE", "/api/devices/tab-101", None): [retired],
        ("POST", "/api/devices/tab-102/replace", ()): [replaced],
    }
    elsewhere = inside.by_every_door("annex/user/sam", innwatch.token("user", "annex", "sam"))

    for (method, path, body), guests in gone.items():
        assert [guest.name for guest in guests if not guest.is_in] == []
        headers = {"Authorization": f"Bearer {admin.token}"}
        json = None if body is None else dict(body)
        reply = plain.request(method, f"{innwatch.url}{path}", json=json, headers=headers, timeout=10)
        assert reply.status_code in {200, 204}, reply.text
        inside.assert_out(*guests, since=time.monotonic())

    assert [guest.name for guest in (stays, *elsewhere) if not guest.is_in] == []
    again = innwatch.log_in("vi", PASSWORD)  # as what she is now
    assert again.get("/api/session")["role"] == "staff"


@one_process_and_several
def test_everybody_of_a_suspended_hotel_is_out_until_it_is_resumed(innwatch: Installation, inside: Lobby) -> None:
    innwatch.cli("integrator", "add", "grand", "opera", "--scope", "events")
    sam, token = innwatch.person("sam"), innwatch.token("device", "grand", "tab-101")
    guests = [
        inside.tablet("tab-101", token=token),
        inside.tablet("tab-102", websocket=True),
        *inside.by_every_door("grand/user/sam", sam.token),
        *inside.by_every_door("grand/integrator/opera", innwatch.token("integrator", "grand", "opera")),
    ]
    stranger = inside.tablet("tab-101", hotel="annex")

    innwatch.cli("hotel", "suspend", "grand")
    inside.assert_out(*guests, since=time.monotonic())
    inside.assert_refused("grand/tab-101", token)
    reply = plain.post(f"{innwatch.url}/api/auth/user-token", json={"username": "sam", "password": PASSWORD})
    assert reply.json()["type"] == "urn:innwatch:problem:hotel-suspended"
    assert stranger.is_in

    innwatch.cli("hotel", "resume", "grand")
    eventually_sync(lambda: _came_back(inside, token))
    innwatch.log_in("sam", PASSWORD)


def _came_back(inside: Lobby, token: str) -> bool:
    guest = inside.try_to_enter("grand/tab-101", token)
    eventually_sync(lambda: guest.is_in or guest.refused)
    return guest.is_in


@both_shapes
def test_who_may_do_less_in_a_hotel_or_leaves_it_is_out_of_that_one_and_of_no_other(
    innwatch: Installation, inside: Lobby
) -> None:
    sam, elsewhere = innwatch.person("sam"), innwatch.person("sam", hotel="annex", role="manager")
    guests = inside.by_every_door("grand/user/sam", sam.token)
    others = inside.by_every_door("annex/user/sam", elsewhere.token)

    innwatch.cli("user", "role", "grand", "sam", "viewer")
    inside.assert_out(*guests, since=time.monotonic())

    again = innwatch.log_in("sam", PASSWORD, hotel="grand")
    guests = inside.by_every_door("grand/user/sam", again.token)
    innwatch.cli("user", "remove", "grand", "sam")
    inside.assert_out(*guests, since=time.monotonic())
    assert all(other.is_in for other in others)


@both_shapes
def test_what_we_did_ourselves_accuses_no_tablet(innwatch: Installation, inside: Lobby, tmp_path: Path) -> None:
    admin = innwatch.admin("grand")
    revoked, expired, silent = (inside.tablet(f"tab-{number}") for number in (101, 102, 103))
    expired.leave()
    expired = inside.tablet("tab-102", token=innwatch.token("device", "grand", "tab-102", "--ttl", LIFE))
    innwatch.cli("device", "revoke", "grand", "tab-101")
    inside.assert_out(revoked, expired, since=time.monotonic() + int(LIFE))
    assert silent.is_in

    # The one that only says nothing is missed, so silence is judged; the others are not. The clock runs on, and a
    # machine that is busy for seconds gives everybody a minute more each time.
    shifts = itertools.count(60, 20)

    def somebody_is_missed() -> list[Json]:
        (tmp_path / "clock").write_text(str(next(shifts)))
        return _accused(admin)

    (alert,) = eventually_sync(somebody_is_missed, every=0.5)
    assert alert["deviceId"] == "tab-103"
    links = {one["deviceId"]: (one["link"], one["tokenEnded"]) for one in admin.all("/api/devices")}
    assert links["tab-101"] == ("away", "revoked")
    assert links["tab-102"] == ("away", "expired")
    assert not [name for name in innwatch.messages("grand") if name.startswith("lost")]

    innwatch.cli("hotel", "suspend", "grand")
    inside.assert_out(silent, since=time.monotonic())
    (tmp_path / "clock").write_text(str(next(shifts) + 600))
    innwatch.cli("hotel", "resume", "grand")
    eventually_sync(lambda: [one["id"] for one in _accused(innwatch.admin("grand"))] == [alert["id"]])


def _accused(admin: Person) -> list[Json]:
    """The alerts that say something of a tablet itself: that a token has expired is told of to the hotel's IT."""
    return [alert for alert in admin.open_alerts() if alert["family"] != "token"]
