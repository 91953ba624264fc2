"""The command line does what its help says: on an installation that nobody serves, and beside an open one."""

import asyncio
import csv
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from argon2 import PasswordHasher

from broker.tokens import Claims, KeyRing, Role, TokenType
from broker.topics import Kind, parse
from config.cli.bulk import Login
from config.cli.user import RoleName
from config.folder import FirstLogin, Folder
from rules.ids import DeviceId, HotelId, MessageId, RoomId, UserName
from rules.state import DeviceState, LinkState
from store import Batch, InputKind, Store, StoredMessage
from store.batch import Quarantined
from store.records import (
    DeviceKey,
    EmailChannel,
    Hotel,
    HotelFacts,
    MemberRole,
    SlackChannel,
)
from tests.config.command_line import INNWATCH, CommandLine
from tests.support import person
from tests.support.command_line import quiet_environment

H = HotelId("h")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WEBHOOK = "https://hooks.example/services/s3cr3t"


@pytest.fixture(scope="module")
def hotel_folder(new_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = CommandLine(Folder(tmp_path_factory.mktemp("hotel") / "data"))
    shutil.copytree(new_folder, made.folder.path)
    made("hotel", "add", "h")
    made("room", "add", "h", "101", "--ap", "02:aa:00:00:00:01")
    made("device", "add", "h", "t", "--room", "101")
    return made.folder.path


@pytest.fixture
def hotel(hotel_folder: Path, tmp_path: Path) -> CommandLine:
    """An installation with hotel `h`, room `101` and tablet `t` in it."""
    shutil.copytree(hotel_folder, tmp_path / "data")
    return CommandLine(Folder.find(tmp_path / "data"))


def claims_of(cli: CommandLine, token: str) -> Claims:
    return KeyRing.of(cli.folder.signing_key()).verify(token, audience="mqtt", now=datetime.now(UTC))


def facts(cli: CommandLine, hotel_id: HotelId = H) -> HotelFacts:
    return cli.with_store(lambda store: store.load_hotel(hotel_id))


# -- hotels


def test_a_hotel_is_added_as_described(cli: CommandLine) -> None:
    cli("hotel", "add", "h", "--name", "Haus Höhe", "--timezone", "Europe/Zurich", "--profile", "strict")

    assert cli("hotel", "list", "--json").json() == [
        {
            "id": "h",
            "name": "Haus Höhe",
            "timezone": "Europe/Zurich",
            "profile": "strict",
            "suspendedAt": None,
            "policy": {},
        }
    ]


def test_a_hotel_tells_whom_its_options_name(cli: CommandLine) -> None:
    cli("hotel", "add", "h", "--email", "a@example.com", "--email", "b@example.com", "--slack-webhook", WEBHOOK)

    rows = cli.with_store(lambda store: store.channels(H))
    assert [row.channel for row in rows] == [EmailChannel(("a@example.com", "b@example.com")), SlackChannel(WEBHOOK)]


def test_a_hotel_without_options_tells_whom_the_settings_name(cli: CommandLine) -> None:
    cli("hotel", "add", "h", ALERT_EMAIL_RECIPIENTS="desk@example.com", SLACK_WEBHOOK_URL=WEBHOOK)

    rows = cli.with_store(lambda store: store.channels(H))
    assert [row.channel for row in rows] == [EmailChannel(("desk@example.com",)), SlackChannel(WEBHOOK)]


def test_slack_that_is_switched_off_gets_no_channel(cli: CommandLine) -> None:
    cli("hotel", "add", "h", SLACK_ENABLED="false", SLACK_WEBHOOK_URL=WEBHOOK)

    assert cli.with_store(lambda store: store.channels(H)) == ()


MAIL = ("--email", "desk@example.com")
SLACK = ("--slack-webhook", WEBHOOK)


@pytest.mark.parametrize(
    ("options", "settings", "warning"),
    [
        (MAIL, {}, "e-mail is not set up: SMTP_HOST is missing"),
        (MAIL, {"SMTP_HOST": "mail.example", "SMTP_ENABLED": "false"}, "SMTP_ENABLED is false"),
        (MAIL, {"SMTP_HOST": "mail.example"}, None),
        ((), {"ALERT_EMAIL_RECIPIENTS": "desk@example.com"}, "e-mail is not set up: SMTP_HOST is missing"),
        (SLACK, {"SLACK_ENABLED": "false"}, "Slack is switched off: SLACK_ENABLED is false"),
        (SLACK, {}, None),
        ((), {}, None),
    ],
)
def test_a_channel_that_nothing_can_go_out_by_is_warned_of(
    cli: CommandLine, options: tuple[str, ...], settings: dict[str, str], warning: str | None
) -> None:
    added = cli("hotel", "add", "h", *options, **settings)

    if warning is None:
        assert added.err == ""
    else:
        assert warning in added.err
        assert len(added.err.splitlines()) == 1


def test_a_hotel_gets_channels_later(cli: CommandLine) -> None:
    cli("hotel", "add", "h")

    made = cli("hotel", "channel-add", "h", *MAIL, "--email", "night@example.com", *SLACK, "--json").json()

    rows = cli.with_store(lambda store: store.channels(H))
    assert [row.channel for row in rows] == [
        EmailChannel(("desk@example.com", "night@example.com")),
        SlackChannel(WEBHOOK),
    ]
    assert made == cli("hotel", "channels", "h", "--json").json()
    assert made == [
        {"id": rows[0].id, "kind": "email", "recipients": ["desk@example.com", "night@example.com"], "it": False},
        {"id": rows[1].id, "kind": "slack", "it": False},
    ]


def test_a_channel_may_be_for_it_alone_and_the_same_people_may_hear_of_both(cli: CommandLine) -> None:
    cli("hotel", "add", "h", *MAIL)

    added = cli("hotel", "channel-add", "h", *MAIL, "--it")

    assert "desk@example.com (IT)" in added.out
    assert [row.channel.it for row in cli.with_store(lambda store: store.channels(H))] == [False, True]
    assert "already" in cli.refused("hotel", "channel-add", "h", *MAIL, "--it").err


def test_the_settings_are_no_reason_for_a_channel_that_is_added_later(cli: CommandLine) -> None:
    cli("hotel", "add", "h")

    cli("hotel", "channel-add", "h", *MAIL, ALERT_EMAIL_RECIPIENTS="else@example.com", SLACK_WEBHOOK_URL=WEBHOOK)

    rows = cli.with_store(lambda store: store.channels(H))
    assert [row.channel for row in rows] == [EmailChannel(("desk@example.com",))]


def test_channels_are_shown_as_a_table(cli: CommandLine) -> None:
    cli("hotel", "add", "h", *MAIL, *SLACK)

    heading, _line, mail, slack = cli("hotel", "channels", "h").lines

    assert heading.split() == ["channel", "kind", "tells"]
    assert mail.split()[1:] == ["email", "desk@example.com"]
    assert slack.split()[1:] == ["slack", "Slack"]


@pytest.mark.parametrize("channel", [MAIL, SLACK])
def test_nobody_is_told_everything_twice(cli: CommandLine, channel: tuple[str, str]) -> None:
    cli("hotel", "add", "h", *MAIL, *SLACK)

    ended = cli.refused("hotel", "channel-add", "h", *channel)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.endswith("gets this hotel's alerts already\n")
    assert len(cli.with_store(lambda store: store.channels(H))) == 2


def test_a_webhook_is_never_printed(cli: CommandLine) -> None:
    printed = [
        cli("hotel", "add", "f"),
        cli("hotel", "channel-add", "f", "--slack-webhook", WEBHOOK),
        cli("hotel", "channel-add", "f", "--slack-webhook", WEBHOOK + "2", "--json"),
        cli.refused("hotel", "channel-add", "f", "--slack-webhook", WEBHOOK),
        cli("hotel", "channels", "f"),
        cli("hotel", "channels", "f", "--json"),
        cli("hotel", "add", "h", "--slack-webhook", WEBHOOK),
        cli("hotel", "add", "g", "--slack-webhook", WEBHOOK, "--json"),
        cli("hotel", "show", "h"),
        cli("hotel", "show", "h", "--json"),
    ]

    assert "s3cr3t" not in "".join(one.out + one.err for one in printed)


def test_a_hotel_shows_how_much_is_in_it(hotel: CommandLine) -> None:
    shown = hotel("hotel", "show", "h", "--json").json()

    assert (shown["rooms"], shown["devices"]) == (1, 1)


# -- rooms


def test_a_room_is_added_as_described(cli: CommandLine) -> None:
    cli("hotel", "add", "h")
    cli(
        *("room", "add", "h", "101", "--name", "Bergblick", "--floor", "1", "--floor-rssi", "-71.5"),
        *("--ap", "A4-2B-B0-C1-D2-E3", "--ap", "a42bb0c1d2e4", "--ap", "a4:2b:b0:c1:d2:e3", "--profile", "strict"),
    )

    assert cli("room", "list", "h", "--json").json() == [
        {
            "id": "101",
            "name": "Bergblick",
            "floor": "1",
            "accessPoints": ["a4:2b:b0:c1:d2:e3", "a4:2b:b0:c1:d2:e4"],
            "rssiFloor": -71.5,
            "profile": "strict",
            "zone": None,
            "policy": {},
        }
    ]


def test_a_room_shows_its_tablets(hotel: CommandLine) -> None:
    assert hotel("room", "show", "h", "101", "--json").json()["devices"] == ["t"]


# -- devices


def test_a_tablet_that_was_never_seen_says_so(hotel: CommandLine) -> None:
    shown = hotel("device", "show", "h", "t", "--json").json()

    assert (shown["id"], shown["roomId"], shown["link"], shown["alerts"]) == ("t", "101", "never-seen", [])


def test_a_tablet_is_shown_to_people_in_words_at_the_hotels_own_time(cli: CommandLine) -> None:
    cli("hotel", "add", "h", "--timezone", "Asia/Kolkata")
    cli("room", "add", "h", "101")
    cli("device", "add", "h", "t", "--room", "101")
    state = DeviceState(link=LinkState.ONLINE, last_heard=NOW, battery=41.0, rssi=-61.5)

    async def apply(store: Store) -> None:
        (row,) = (await store.load_hotel(H)).devices
        await store.apply(Batch(received_at=NOW, states={row.device.key: state}))

    cli.with_store(apply)
    shown = dict(line.split("  ", maxsplit=1) for line in cli("device", "show", "h", "t").lines)
    facts = {name: value.strip() for name, value in shown.items()}

    assert facts["last heard"] == "2026-11-20 17:30:00 IST"
    assert (facts["battery"], facts["signal"], facts["name"]) == ("41 %", "-61.5 dBm", "–")
    assert [name for name in facts if name != name.lower()] == []
    assert "17:30:00 IST" in cli("device", "list", "h").lines[-1]


@pytest.mark.parametrize(
    "words",
    ["hotel show h", "room show h 101", "device show h t", "user show h ada", "integrator show h pms"],
)
def test_people_get_words_and_programs_get_keys(hotel: CommandLine, words: str) -> None:
    hotel("user", "add", "h", "ada", "--role", "staff")
    hotel("integrator", "add", "h", "pms")

    names = [line.split("  ")[0] for line in hotel(*words.split()).lines]

    assert [name for name in names if not re.fullmatch("[a-z]+( [a-z]+| dBm)*", name)] == []
    assert not {"gen", "hotelId", "rssi", "bssid"} & set(names)


def test_tablets_are_listed_in_full_beyond_one_page(cli: CommandLine) -> None:
    cli("hotel", "add", "h")
    cli("device", "add", "h", "--count", "1100", "--prefix", "tab-")

    ids = [one["id"] for one in cli("device", "list", "h", "--json").json()]
    assert ids == [f"tab-{number:04}" for number in range(1, 1101)]
    assert len(cli("room", "list", "h", "--json").json()) == 1100


def test_tablets_in_bulk_come_as_lines_of_seven_fields(cli: CommandLine) -> None:
    cli("hotel", "add", "h")

    ended = cli("device", "add", "h", "--count", "3", "--prefix", "tab-", "--tokens", "--csv")

    logins = [Login(*row) for row in csv.reader(ended.lines)]
    assert [login.device_id for login in logins] == ["tab-0001", "tab-0002", "tab-0003"]
    rooms = {room.id: room.access_points for room in facts(cli).rooms}
    for login in logins:
        claims = claims_of(cli, login.password)
        topic = parse(login.topic)
        assert (login.client_id, login.username) == (claims.sub, claims.sub)
        assert (claims.hotel_id, claims.device_id) == (H, login.device_id)
        assert topic is not None
        assert (topic.kind, topic.hotel_id, topic.subject) == (Kind.HEARTBEAT, H, login.device_id)
        assert rooms[RoomId(login.room_id)] == (login.bssid,)
    assert len({login.bssid for login in logins}) == 3


def test_tablets_in_bulk_have_no_password_unless_tokens_are_wanted(cli: CommandLine) -> None:
    cli("hotel", "add", "h")

    ended = cli("device", "add", "h", "--count", "1", "--csv")

    assert Login(*ended.lines[0].split(",")).password == ""


def test_tablets_in_bulk_come_as_json_too(cli: CommandLine) -> None:
    cli("hotel", "add", "h")

    (one,) = cli("device", "add", "h", "--count", "1", "--first", "41", "--json").json()

    assert (one["clientId"], one["deviceId"]) == ("h/tab-0041", "tab-0041")


def test_tablets_in_bulk_are_added_all_or_none(cli: CommandLine) -> None:
    cli("hotel", "add", "h")
    cli("device", "add", "h", "--count", "2", "--first", "3")

    refused = cli.refused("device", "add", "h", "--count", "5")

    assert refused.code == 1
    assert "exists already" in refused.err
    assert len(facts(cli).devices) == 2


# -- people


def password_hash(cli: CommandLine, name: str) -> str:
    account = cli.with_store(lambda store: store.find_account(UserName(name)))
    assert account is not None
    assert account.password_hash is not None
    return account.password_hash


def test_a_password_is_read_from_standard_input_and_stored_as_argon2id(hotel: CommandLine) -> None:
    ended = hotel("user", "add", "h", "ada", "--role", "staff", "--password-stdin", stdin="correct horse\n")

    stored = password_hash(hotel, "ada")
    assert stored.startswith("$argon2id$")
    assert PasswordHasher().verify(stored, "correct horse")
    assert "correct horse" not in ended.out + ended.err


def test_without_one_a_password_is_made_up_and_shown(hotel: CommandLine) -> None:
    made = hotel("user", "add", "h", "ada", "--role", "staff", "--json").json()["password"]

    assert len(made) >= 20
    assert PasswordHasher().verify(password_hash(hotel, "ada"), made)


def test_an_existing_person_gets_a_further_membership_and_keeps_their_password(hotel: CommandLine) -> None:
    hotel("hotel", "add", "g")
    hotel("user", "add", "h", "ada", "--role", "staff", "--password-stdin", stdin="correct horse\n")
    ended = hotel("user", "add", "g", "ada", "--role", "viewer", "--password-stdin", stdin="another one\n")

    shown = hotel("user", "show", "g", "ada", "--json").json()
    assert [(one["hotelId"], one["role"]) for one in shown["memberships"]] == [("h", "staff"), ("g", "viewer")]
    assert PasswordHasher().verify(password_hash(hotel, "ada"), "correct horse")
    assert "left as it is" in ended.err


def test_an_administrator_is_one_from_the_start(hotel: CommandLine) -> None:
    hotel("user", "add", "h", "root", "--role", "manager", "--admin")
    hotel("user", "add", "h", "ada", "--role", "staff")
    hotel("hotel", "add", "g")

    shown = hotel("user", "show", "h", "root", "--json").json()
    refused = hotel.refused("user", "add", "g", "ada", "--role", "staff", "--admin")

    assert shown["admin"] is True
    assert (refused.code, "is no administrator's" in refused.err) == (1, True)


def test_a_further_membership_makes_up_no_password(hotel: CommandLine) -> None:
    hotel("hotel", "add", "g")
    hotel("user", "add", "h", "ada", "--role", "staff")

    assert hotel("user", "add", "g", "ada", "--role", "staff", "--json").json() == {
        "hotelId": "g",
        "name": "ada",
        "role": "staff",
    }


def test_a_forgotten_password_is_replaced_by_one_that_is_made_up(hotel: CommandLine) -> None:
    hotel("user", "add", "h", "ada", "--role", "staff", "--password-stdin", stdin="correct horse\n")

    made = hotel("user", "password", "ada", "--json").json()["password"]

    assert len(made) >= 20
    assert PasswordHasher().verify(password_hash(hotel, "ada"), made)


def test_a_new_password_is_shown_to_people_too(hotel: CommandLine) -> None:
    hotel("user", "add", "h", "ada", "--role", "staff")

    said, shown = hotel("user", "password", "ada").lines

    assert said == "ada has a new password"
    assert PasswordHasher().verify(password_hash(hotel, "ada"), shown.split()[1])


def test_a_new_password_is_read_from_standard_input_and_not_shown(hotel: CommandLine) -> None:
    hotel("user", "add", "h", "ada", "--role", "staff")

    ended = hotel("user", "password", "ada", "--password-stdin", stdin="battery staple\n")

    assert PasswordHasher().verify(password_hash(hotel, "ada"), "battery staple")
    assert "battery staple" not in ended.out + ended.err


@pytest.mark.parametrize(("name", "left"), [("admin", False), ("ada", True)])
def test_the_first_login_is_removed_when_its_password_no_longer_holds(
    hotel: CommandLine, name: str, left: bool
) -> None:
    hotel("user", "add", "h", name, "--role", "manager")
    hotel.folder.write_first_login(FirstLogin("http://127.0.0.1:8080/", "admin", "old", "h"))

    ended = hotel("user", "password", name)

    assert hotel.folder.first_login.exists() is left
    assert ("first-login.json" in ended.err) is not left


def test_a_hotels_people_are_listed_with_their_roles(hotel: CommandLine) -> None:
    for name, role in (("bo", "manager"), ("ada", "viewer")):
        hotel("user", "add", "h", name, "--role", role)

    listed = hotel("user", "list", "h", "--json").json()
    assert [(one["name"], one["role"]) for one in listed] == [("ada", "viewer"), ("bo", "manager")]


def test_the_roles_of_the_command_line_are_those_of_the_store() -> None:
    assert list(get_args(RoleName)) == [role.value for role in MemberRole]


# -- integrators


def test_an_integrator_has_the_scopes_that_it_is_given(hotel: CommandLine) -> None:
    hotel("integrator", "add", "h", "pms", "--scope", "pms, rooms,pms")
    hotel("integrator", "add", "h", "net")
    hotel("integrator", "add", "h", "spa", "--scope", "events", "--scope", "alerts,events")

    assert hotel("integrator", "list", "h", "--json").json() == [
        {"hotelId": "h", "name": "net", "scopes": [], "gen": 1},
        {"hotelId": "h", "name": "pms", "scopes": ["pms", "rooms"], "gen": 1},
        {"hotelId": "h", "name": "spa", "scopes": ["events", "alerts"], "gen": 1},
    ]


# -- tokens


def test_a_device_token_is_all_that_is_printed(hotel: CommandLine) -> None:
    ended = hotel("token", "device", "h", "t")

    claims = claims_of(hotel, ended.out.removesuffix("\n"))
    assert (claims.type, claims.sub, claims.device_id) == (TokenType.DEVICE, "h/t", "t")
    assert claims.exp - claims.iat >= timedelta(days=30)


def test_the_life_of_device_tokens_is_a_setting(hotel: CommandLine) -> None:
    claims = claims_of(hotel, hotel("token", "device", "h", "t", JWT_EXPIRATION_MINUTES="10").out.strip())

    assert timedelta(minutes=10) <= claims.exp - claims.iat < timedelta(minutes=11)


def test_a_persons_token_has_its_role_in_that_hotel(hotel: CommandLine) -> None:
    hotel("hotel", "add", "g")
    hotel("user", "add", "h", "ada", "--role", "staff")
    hotel("user", "add", "g", "ada", "--role", "viewer")

    claims = [claims_of(hotel, hotel("token", "user", where, "ada").out.strip()) for where in ("h", "g")]

    assert [(one.sub, one.role) for one in claims] == [("h/user/ada", Role.STAFF), ("g/user/ada", Role.VIEWER)]


def test_an_administrator_gets_a_token_of_any_hotel(hotel: CommandLine) -> None:
    hotel("hotel", "add", "g")

    async def add_admin(store: Store) -> None:
        await store.add_user(
            H, UserName("root"), role=MemberRole.MANAGER, password_hash=None, admin=True, by=person("ann"), now=NOW
        )

    hotel.with_store(add_admin)

    claims = claims_of(hotel, hotel("token", "user", "g", "root").out.strip())
    assert (claims.sub, claims.role) == ("g/user/root", Role.ADMIN)


def test_an_integrators_token_has_its_scopes(hotel: CommandLine) -> None:
    hotel("integrator", "add", "h", "pms", "--scope", "alerts,pms")

    claims = claims_of(hotel, hotel("token", "integrator", "h", "pms").out.strip())
    assert (claims.sub, claims.scope) == ("h/integrator/pms", ("alerts", "pms"))


def test_a_token_may_live_for_a_second(hotel: CommandLine) -> None:
    token = hotel("token", "device", "h", "t", "--ttl", "1").out.strip()

    claims = KeyRing.of(hotel.folder.signing_key()).verify(
        token, audience="mqtt", now=datetime.now(UTC) - timedelta(seconds=1)
    )
    assert claims.exp - claims.iat <= timedelta(seconds=2)


def test_a_secret_key_of_the_settings_signs_instead_of_the_folders(hotel: CommandLine) -> None:
    key = "7KqVwZ3nT0sYb8XfJr2LmC5hGdPe9UaQ"

    token = hotel("token", "device", "h", "t", SECRET_KEY=key).out.strip()

    assert KeyRing.of(key).verify(token, audience="mqtt", now=datetime.now(UTC)).sub == "h/t"


def test_the_clock_file_moves_the_command_line_too(hotel: CommandLine) -> None:
    file = hotel.folder.path / "clock"
    file.write_text("86400")

    token = hotel("token", "device", "h", "t", "--ttl", "60", INNWATCH_CLOCK=str(file)).out.strip()

    tomorrow = datetime.now(UTC) + timedelta(days=1)
    claims = KeyRing.of(hotel.folder.signing_key()).verify(token, audience="mqtt", now=tomorrow)
    assert abs(claims.iat - tomorrow) < timedelta(minutes=5)


# -- what was stored


@pytest.fixture
def spoken(hotel: CommandLine) -> CommandLine:
    """Two tablets said three things, a deadline passed, and a message was refused."""
    hotel("device", "add", "h", "u", "--room", "101")

    async def speak(store: Store) -> None:
        keys = {row.device.id: row.device.key for row in (await store.load_hotel(H)).devices}
        await store.apply(
            Batch(
                received_at=NOW,
                messages=[
                    stored(keys[DeviceId("t")], InputKind.STATE, "a"),
                    stored(keys[DeviceId("t")], InputKind.HEARTBEAT, "b"),
                    stored(keys[DeviceId("u")], InputKind.HEARTBEAT, "a"),
                    stored(keys[DeviceId("t")], InputKind.DEADLINE, "deadline-1"),
                ],
                quarantined=[
                    Quarantined(
                        hotel_id=H,
                        device_id=DeviceId("t"),
                        topic="hotels/h/devices/t/heartbeat",
                        reason="malformed",
                        detail="not JSON",
                        head=b"\xff{",
                        at=NOW,
                    )
                ],
            )
        )

    hotel.with_store(speak)
    return hotel


def stored(key: DeviceKey, kind: InputKind, message_id: str) -> StoredMessage:
    return StoredMessage(
        hotel_id=H, device_key=key, kind=kind, message_id=MessageId(message_id), received_at=NOW, body=b"{}", ts=NOW
    )


def messages(cli: CommandLine, *words: str) -> list[tuple[str, str]]:
    lines = [msgspec.json.decode(line) for line in cli("messages", "h", *words, "--json").lines]
    return [(line["deviceId"], line["id"]) for line in lines]


def test_messages_are_listed_one_a_line_and_nothing_that_the_rules_made_themselves(spoken: CommandLine) -> None:
    assert messages(spoken) == [("t", "a"), ("t", "b"), ("u", "a")]


def test_messages_of_one_tablet(spoken: CommandLine) -> None:
    assert messages(spoken, "t") == [("t", "a"), ("t", "b")]


def test_a_message_is_listed_with_its_kind_and_times(spoken: CommandLine) -> None:
    (line,) = spoken("messages", "h", "u", "--json").lines

    assert line == (
        '{"deviceId":"u","id":"a","kind":"heartbeat","receivedAt":"2026-11-20T12:00:00Z",'
        '"ts":"2026-11-20T12:00:00Z","late":false}'
    )


def test_messages_are_a_table_for_people_at_the_hotels_own_time(cli: CommandLine) -> None:
    cli("hotel", "add", "h", "--timezone", "Europe/Zurich")
    cli("room", "add", "h", "101")
    cli("device", "add", "h", "tablet-of-the-suite", "--room", "101")
    cli("device", "add", "h", "t", "--room", "101")
    speak(cli, "t", "tablet-of-the-suite")

    heading, line, first, second = cli("messages", "h").lines

    assert heading.split() == ["received", "tablet", "kind", "late", "message"]
    assert set(line) == {"─"}
    assert first.split() == ["2026-11-20", "13:00:00", "CET", "t", "heartbeat", "m-t"]
    assert second.index("tablet-of-the-suite") == heading.index("tablet") == first.index(" t ") + 1
    assert second.index("m-tablet") == heading.index("message") == first.index("m-t")


def speak(cli: CommandLine, *devices: str) -> None:
    async def apply(store: Store) -> None:
        keys = {row.device.id: row.device.key for row in (await store.load_hotel(H)).devices}
        said = [stored(keys[DeviceId(name)], InputKind.HEARTBEAT, f"m-{name}") for name in devices]
        await store.apply(Batch(received_at=NOW, messages=said))

    cli.with_store(apply)


def test_messages_are_counted(spoken: CommandLine) -> None:
    assert (spoken("messages", "h", "--count").out, spoken("messages", "h", "t", "--count").out) == ("3\n", "2\n")


def test_what_was_refused_is_listed_with_the_reason(spoken: CommandLine) -> None:
    (row,) = spoken("quarantine", "list", "h", "--json").json()

    assert (row["deviceId"], row["reason"], row["detail"]) == ("t", "malformed", "not JSON")
    assert spoken("quarantine", "list", "h").lines[-1].startswith("2026-11-20 12:00:00 UTC")


# -- refusals


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        ("hotel add h", "hotel h exists already"),
        ("hotel show nobody", "no hotel nobody"),
        ("hotel channels nobody", "no hotel nobody"),
        ("hotel channel-add nobody --email desk@example.com", "no hotel nobody"),
        ("room add nobody 1", "no hotel nobody"),
        ("room add h 101", "room 101 exists already"),
        ("room list nobody", "no hotel nobody"),
        ("room show h 999", "no room 999"),
        ("device add h t --room 101", "device t exists already"),
        ("device add h v --room 999", "no room 999"),
        ("device add nobody v --room 101", "no hotel nobody"),
        ("device add nobody --count 2", "no hotel nobody"),
        ("device list nobody", "no hotel nobody"),
        ("device show h v", "no device v"),
        ("user add nobody ada --role staff", "no hotel nobody"),
        ("user list nobody", "no hotel nobody"),
        ("user show h ada", "no user ada"),
        ("user password ada", "no user ada"),
        ("integrator add nobody pms", "no hotel nobody"),
        ("integrator show h pms", "no integrator pms"),
        ("token device h v", "no device v"),
        ("token device nobody t", "no hotel nobody"),
        ("token user h ada", "no user ada"),
        ("token integrator h pms", "no integrator pms"),
        ("messages nobody", "no hotel nobody"),
        ("messages h v", "no device v"),
        ("quarantine list nobody", "no hotel nobody"),
        ("simulate nobody --for 0", "no hotel nobody"),
    ],
)
def test_what_is_not_there_or_there_already_is_refused_in_one_line(
    hotel: CommandLine, words: str, fragment: str
) -> None:
    ended = hotel.refused(*words.split())

    assert ended.code == 1
    assert ended.err == f"innwatch: {fragment}\n"
    assert ended.out == ""


def test_a_person_is_a_member_of_a_hotel_once(hotel: CommandLine) -> None:
    hotel("user", "add", "h", "ada", "--role", "staff")

    ended = hotel.refused("user", "add", "h", "ada", "--role", "manager")

    assert (ended.code, ended.out) == (1, "")
    assert "exists already" in ended.err


def test_a_token_for_a_hotel_that_the_person_is_no_member_of_is_refused(hotel: CommandLine) -> None:
    hotel("hotel", "add", "g")
    hotel("user", "add", "h", "ada", "--role", "staff")

    assert hotel.refused("token", "user", "g", "ada").err == "innwatch: no user ada\n"


@pytest.mark.parametrize("key", ["hunter2", "changeme-changeme-changeme-changeme", "a" * 64])
def test_a_weak_secret_key_is_refused_and_not_shown(hotel: CommandLine, key: str) -> None:
    ended = hotel.refused("token", "device", "h", "t", SECRET_KEY=key)

    assert ended.code == 78
    assert ended.err.startswith("innwatch: SECRET_KEY: ")
    assert len(ended.err.splitlines()) == 1
    assert key not in ended.err + ended.out


def test_a_bad_setting_is_refused_whatever_the_command(hotel: CommandLine) -> None:
    ended = hotel.refused("hotel", "list", SMTP_PORT="mail", SMTP_HOST="mail.example")

    assert (ended.code, ended.out) == (78, "")
    assert ended.err.startswith("innwatch: SMTP_PORT must be")


def test_the_clock_of_a_real_installation_cannot_be_moved(hotel: CommandLine) -> None:
    (hotel.folder.path / "for-tests").unlink()

    ended = hotel.refused("token", "device", "h", "t", INNWATCH_CLOCK=str(hotel.folder.path / "clock"))

    assert (ended.code, ended.out) == (78, "")
    assert "--for-tests" in ended.err


@pytest.mark.parametrize(
    ("password", "why"),
    [("", "no password"), ("1234567", "at least 8 characters"), ("caf\udce9 au lait", "no text in UTF-8")],
)
def test_a_password_that_protects_nothing_is_refused(hotel: CommandLine, password: str, why: str) -> None:
    for words in (("add", "h", "ada", "--role", "staff"), ("password", "ada")):
        ended = hotel.refused("user", *words, "--password-stdin", stdin=password + "\n")

        assert (ended.code, ended.out) == (2, "")
        assert why in ended.err
        assert len(ended.err.splitlines()) == 1
    assert hotel("user", "list", "h", "--json").json() == []


# -- as a program


def test_the_program_adds_what_another_process_reads_at_once(cli: CommandLine) -> None:
    async def watch(store: Store) -> list[tuple[Hotel, ...]]:
        before = await store.hotels()
        ended = await asyncio.to_thread(cli.as_process, "hotel", "add", "h")
        assert ended.code == 0, ended.err
        return [before, await store.hotels()]

    before, after = cli.with_store(watch)

    assert (before, [hotel.id for hotel in after]) == ((), ["h"])


def test_the_program_prints_a_token_and_nothing_else(hotel: CommandLine) -> None:
    ended = hotel.as_process("token", "device", "h", "t")

    assert (ended.code, ended.err) == (0, "")
    assert claims_of(hotel, ended.out.strip()).sub == "h/t"


def test_a_reader_who_has_enough_gets_no_complaint(hotel: CommandLine) -> None:
    hotel("device", "add", "h", "--count", "2000")
    program = subprocess.Popen(
        [INNWATCH, "device", "list", "h", "--data", hotel.folder.path],
        env=quiet_environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.close()
        complaint = program.stderr.read()

    assert complaint == b""


def test_a_folder_that_is_kept_from_us_is_refused_in_one_line(hotel: CommandLine) -> None:
    (hotel.folder.path / "innwatch.db").write_bytes(b"not a database" * 500)

    ended = hotel.as_process("hotel", "list")

    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
    assert ended.err.startswith("innwatch: ")


def test_asking_for_help_loads_neither_the_database_nor_the_web() -> None:
    program = (
        "import sys, config.cli\n"
        "config.cli.run(['token', '--help'])\n"
        "heavy = {'sqlalchemy', 'sqlmodel', 'alembic', 'litestar', 'dramatiq', 'uvicorn', 'paho', 'amqtt', 'jwt'}\n"
        "heavy |= {'aiosmtplib', 'httpx', 'asyncpg', 'redis'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)\n"
    )

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (0, "")
