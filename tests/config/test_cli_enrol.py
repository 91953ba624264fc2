"""`innwatch enrol`, `enrolment`, and what else becomes of a tablet and its room at the command line."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from broker.tokens import KeyRing
from config.folder import Folder
from rules.ids import DeviceId, EnrolmentId, HotelId
from store.enrolment import is_code
from store.records import Device, EnrolmentState
from tests.config.command_line import CommandLine
from tests.support import person

H, T = HotelId("h"), DeviceId("t")
HERE = ("--server", "https://watch.example")


@pytest.fixture(scope="module")
def hotel_folder(new_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = CommandLine(Folder(tmp_path_factory.mktemp("hotel") / "data"))
    shutil.copytree(new_folder, made.folder.path)
    made("hotel", "add", "h", "--timezone", "Europe/Vienna")
    made("room", "add", "h", "101", "--name", "Garden", "--floor", "1", "--ap", "02:aa:00:00:00:01")
    made("room", "add", "h", "102")
    made("device", "add", "h", "t", "--room", "101")
    return made.folder.path


@pytest.fixture
def hotel(hotel_folder: Path, tmp_path: Path) -> CommandLine:
    """An installation with hotel `h`, rooms `101` and `102`, and tablet `t` in the first."""
    shutil.copytree(hotel_folder, tmp_path / "data")
    return CommandLine(Folder.find(tmp_path / "data"))


def device(cli: CommandLine, device_id: DeviceId = T) -> Device | None:
    return cli.with_store(lambda store: store.find_device(H, device_id))


def come(cli: CommandLine, enrolment_id: str, *, now: datetime, device_id: DeviceId = T) -> Device | None:
    return cli.with_store(
        lambda store: store.enrol(
            H, EnrolmentId(enrolment_id), device_id=device_id, token_expires_at=now, by=person("t"), now=now
        )
    )


def test_a_code_is_told_as_text_as_a_link_and_as_a_picture_that_fits(hotel: CommandLine) -> None:
    ended = hotel("enrol", "h", "101", *HERE)

    told = dict(line.split("  ", 1) for line in ended.lines if "  " in line and not line.startswith(" "))
    code = told["code"].strip()
    assert is_code(code)
    assert f"https://watch.example/enrol#{code}" in ended.out
    picture = ended.out.partition("\n\n")[2].rstrip("\n").splitlines()
    assert 10 < len(picture) < 24
    assert all(len(line) < 80 for line in picture)
    assert ended.err == ""
    found = hotel.with_store(lambda store: store.enrolment_by_code(code))
    assert found is not None
    (line,) = hotel.with_store(lambda store: store.audit(H, deed="enrolment.")).items
    assert (line.actor_kind, line.subject) == ("command-line", found[1])


def test_a_program_gets_the_same_and_the_token(hotel: CommandLine) -> None:
    told = hotel("enrol", "h", "101", "--device", "t", "--again", "--json", *HERE).json()

    assert (told["roomId"], told["deviceId"], told["again"]) == ("101", "t", True)
    claims = KeyRing.of(hotel.folder.signing_key()).verify(told["token"], audience="api", now=datetime.now(UTC))
    assert (claims.hotel_id, claims.name) == ("h", told["id"])


def test_the_picture_goes_into_a_file(hotel: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "code.svg"
    ended = hotel("enrol", "h", "101", "--svg", file, *HERE)

    assert ET.parse(file).getroot().tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314, our own file
    assert "█" not in ended.out
    refused = hotel.refused("enrol", "h", "101", "--svg", tmp_path / "no" / "such", *HERE)
    assert (refused.code, refused.err) == (1, f"innwatch: {tmp_path}/no/such: No such file or directory\n")
    told = dict(line.split("  ", 1) for line in refused.lines)
    assert is_code(told["code"].strip()), "it has been made, so somebody should see it"


def test_a_terminal_shows_the_picture_dark_on_light_whatever_its_colours(hotel: CommandLine) -> None:
    told = hotel.on_a_terminal("enrol", "h", "101", *HERE)

    picture = told.partition("\n\n")[2].splitlines()
    assert len(picture) > 10
    assert all(line.startswith("\x1b[38;5;231;48;5;16m") and line.endswith("\x1b[0m") for line in picture)


def test_a_terminal_that_shows_no_picture_shows_the_code(hotel: CommandLine) -> None:
    ended = hotel.as_process("enrol", "h", "101", *HERE, PYTHONIOENCODING="latin-1")

    assert (ended.code, "https://watch.example/enrol#" in ended.out) == (0, True)
    assert ended.err == "innwatch: the QR code cannot be drawn on this terminal, which shows no UTF-8; see --svg\n"


def test_where_the_tablet_would_look_on_itself_the_person_is_warned(hotel: CommandLine) -> None:
    assert "--server" in hotel("enrol", "h", "101").err
    ended = hotel("enrol", "h", "101", INNWATCH_PUBLIC_URL="https://watch.example/")
    assert ended.err == ""
    assert "https://watch.example/enrol#" in ended.out


def test_the_link_leads_to_where_up_was_reached(hotel: CommandLine) -> None:
    hotel.folder.write_address("http://127.0.0.1:9090/")
    assert "http://127.0.0.1:9090/enrol#" in hotel("enrol", "h", "101").out
    assert "https://watch.example/enrol#" in hotel("enrol", "h", "101", INNWATCH_PUBLIC_URL="https://watch.example").out


def test_a_known_tablet_gets_its_yes_here(hotel: CommandLine) -> None:
    hotel("token", "device", "h", "t")
    issued = hotel("enrol", "h", "102", "--json", *HERE).json()
    now = datetime.now(UTC)
    assert come(hotel, issued["id"], now=now) is None
    assert hotel("enrolment", "list", "h", "--json").json()[0]["state"] == EnrolmentState.WAITING
    assert "waiting" in hotel("enrolment", "list", "h").out

    assert hotel("enrolment", "approve", "h", issued["id"]).out == (
        "approved: t may come to room 102 with the code that it has\n"
    )

    back = come(hotel, issued["id"], now=now)
    assert back is not None
    assert (back.gen, back.room_id) == (2, "102")


def test_a_code_is_withdrawn(hotel: CommandLine) -> None:
    issued = hotel("enrol", "h", "101", "--json", *HERE).json()

    hotel("enrolment", "withdraw", "h", issued["id"])

    (one,) = hotel("enrolment", "list", "h", "--json").json()
    assert one["state"] == "withdrawn"
    assert issued["code"] not in str(one)


def test_a_tablet_moves_gets_a_name_and_is_retired(hotel: CommandLine) -> None:
    assert hotel("device", "move", "h", "t", "102").out == "tablet t belongs to room 102\n"
    hotel("device", "rename", "h", "t", "--name", "By the bed")
    moved = device(hotel)
    assert moved is not None
    assert (moved.room_id, moved.name) == ("102", "By the bed")
    hotel("device", "rename", "h", "t")

    told = hotel("device", "retire", "h", "t", "--json").json()

    gone = device(hotel)
    assert gone is not None
    assert (told["gen"], gone.gen, gone.name, gone.retired_at is not None) == (2, 2, None, True)
    assert hotel("device", "list", "h", "--json").json() == []


def test_other_hardware_takes_a_tablets_place(hotel: CommandLine) -> None:
    before = device(hotel)
    assert before is not None

    told = hotel("device", "replace", "h", "t", "--by", "t2", "--json", *HERE).json()

    after = device(hotel, DeviceId("t2"))
    assert after is not None
    assert (after.key, after.gen) == (before.key, 2)
    assert (told["deviceId"], told["again"], told["roomId"]) == ("t2", True, "101")
    assert device(hotel) is None


def test_of_a_room_only_that_changes_which_is_named(hotel: CommandLine) -> None:
    hotel("room", "change", "h", "101", "--floor-rssi", "-72", "--clear", "name", "--clear", "ap")

    assert hotel("room", "list", "h", "--json").json()[0] == {
        "id": "101",
        "name": None,
        "floor": "1",
        "accessPoints": [],
        "rssiFloor": -72.0,
        "profile": None,
        "zone": None,
        "policy": {},
    }


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        ("enrol nobody 101", "no hotel nobody"),
        ("enrol h 999", "no room 999"),
        ("enrolment list nobody", "no hotel nobody"),
        ("enrolment approve h e", "no enrolment e"),
        ("enrolment withdraw h e", "no enrolment e"),
        ("device move h v 101", "no device v"),
        ("device move h t 999", "no room 999"),
        ("device replace h v", "no device v"),
        ("device retire h v", "no device v"),
        ("device rename h v", "no device v"),
        ("room change h 999 --name x", "no room 999"),
    ],
)
def test_what_is_not_there_is_refused_in_one_line(hotel: CommandLine, words: str, fragment: str) -> None:
    ended = hotel.refused(*words.split())

    assert (ended.code, ended.out) == (1, "")
    assert ended.err == f"innwatch: {fragment}\n"


@pytest.mark.parametrize("words", ["room change h 101", "room change h 101 --name x --clear name"])
def test_a_change_of_nothing_is_wrong_usage(hotel: CommandLine, words: str) -> None:
    assert hotel.refused(*words.split()).code == 2


def test_a_yes_to_nobody_is_refused(hotel: CommandLine) -> None:
    issued = hotel("enrol", "h", "101", "--json", *HERE).json()

    ended = hotel.refused("enrolment", "approve", "h", issued["id"])

    assert (ended.code, ended.err) == (1, "innwatch: no tablet waits for a yes to this enrolment\n")
