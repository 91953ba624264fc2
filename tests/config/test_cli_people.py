"""People, integrators and channels that change, by the command line."""

from datetime import UTC, datetime

import pytest

from rules.ids import HotelId, UserName
from store.records import Account
from tests.config.command_line import CommandLine

H = HotelId("h")


@pytest.fixture
def hotel(cli: CommandLine) -> CommandLine:
    """Hotels `h` and `g`; ada works in both, bo in `h`."""
    for name in ("h", "g"):
        cli("hotel", "add", name, "--email", f"{name}@example.com")
        cli("user", "add", name, "ada", "--role", "manager")
    cli("user", "add", "h", "bo", "--role", "staff")
    return cli


def account(cli: CommandLine, name: str) -> Account:
    found = cli.with_store(lambda store: store.find_account(UserName(name)))
    assert found is not None
    return found


def test_a_link_by_which_somebody_chooses_a_password_is_printed_and_nothing_else(hotel: CommandLine) -> None:
    ended = hotel("user", "password-link", "bo", INNWATCH_PUBLIC_URL="https://innwatch.example")

    address, _, secret = ended.out.strip().partition("#password/")
    assert address == "https://innwatch.example/"
    assert "for bo alone, once, until " in ended.err
    assert secret not in ended.err

    assert hotel.with_store(lambda store: store.password_link(secret, now=datetime.now(UTC))).name == "bo"
    assert hotel("user", "password-link", "bo", "--json").json()["link"].startswith("http://127.0.0.1:8080/#password/")


def test_who_is_added_again_has_no_password_and_it_is_said_how_to_get_one(hotel: CommandLine) -> None:
    hotel("user", "remove", "h", "bo")

    ended = hotel("user", "add", "h", "bo", "--role", "staff")
    assert (ended.out, "`innwatch user password-link bo`" in ended.err) == ("added bo to h as staff\n", True)


def test_a_link_for_a_password_leads_to_where_the_person_is(hotel: CommandLine) -> None:
    assert "leads to this machine alone" in hotel("user", "password-link", "bo").err

    ended = hotel("user", "password-link", "bo", "--server", "https://desk.example/")
    assert ended.out.startswith("https://desk.example/#password/")
    assert "this machine" not in ended.err


def test_the_list_says_who_did_not_choose_their_password_and_who_cannot_log_in(hotel: CommandLine) -> None:
    hotel("user", "disable", "bo")
    hotel("user", "add", "h", "root", "--role", "manager", "--admin")

    lines = {line.split()[0]: line for line in hotel("user", "list", "h").lines[2:]}

    assert lines["ada"].rstrip().endswith("did not choose the password")
    assert "disabled" in lines["bo"]
    assert "administrator" in lines["root"]
    assert "chosen by somebody else" in hotel("user", "show", "h", "ada").out


def test_somebody_may_do_less_from_now_on(hotel: CommandLine) -> None:
    assert hotel("user", "role", "h", "ada", "viewer").lines == ["ada is viewer in h"]
    assert hotel("user", "role", "g", "ada", "manager", "--json").json()["role"] == "manager"

    assert [(one.hotel_id, one.role) for one in account(hotel, "ada").memberships] == [
        ("h", "viewer"),
        ("g", "manager"),
    ]


def test_who_is_removed_from_one_hotel_stays_in_the_other(hotel: CommandLine) -> None:
    assert hotel("user", "remove", "h", "ada").lines == ["removed ada from h; still in g"]
    assert hotel("user", "remove", "h", "bo", "--json").json() == {"hotelId": "h", "name": "bo", "memberships": []}

    assert account(hotel, "ada").password_hash is not None
    assert account(hotel, "bo").password_hash is None


def test_an_administrator_who_is_removed_is_told_to_be_one_still(hotel: CommandLine) -> None:
    hotel("user", "add", "h", "root", "--role", "manager", "--admin")

    ended = hotel("user", "remove", "h", "root")

    assert "innwatch user disable root" in ended.err


def test_an_integrator_gets_other_scopes_and_is_removed(hotel: CommandLine) -> None:
    hotel("integrator", "add", "h", "pms", "--scope", "alerts")

    changed = hotel("integrator", "scopes", "h", "pms", "pms,rooms")
    none = hotel("integrator", "scopes", "h", "pms", "", "--json").json()
    removed = hotel("integrator", "remove", "h", "pms")

    assert changed.lines == [
        "integrator pms of h has the scopes pms, rooms",
        "its tokens are void; a new one: innwatch token integrator h pms",
    ]
    assert (none["scopes"], none["gen"]) == ([], 3)
    assert removed.out.startswith("removed integrator pms of h: its tokens are void")
    assert hotel("integrator", "list", "h", "--json").json() == []


def test_a_channel_is_removed_by_its_number(hotel: CommandLine) -> None:
    (mail,) = hotel("hotel", "channels", "h", "--json").json()

    removed = hotel("hotel", "channel-remove", "h", str(mail["id"]))

    assert removed.lines == [f"removed channel {mail['id']}; h tells nobody (see `innwatch hotel channel-add`)"]
    assert hotel("hotel", "channels", "h", "--json").json() == []


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("user role h nobody staff", "no user nobody"),
        ("user role nowhere ada staff", "no hotel nowhere"),
        ("user remove g bo", "no user bo"),
        ("user password-link nobody", "no user nobody"),
        ("integrator scopes h pms alerts", "no integrator pms"),
        ("integrator remove h pms", "no integrator pms"),
        ("hotel channel-remove h 99", "no channel 99"),
        ("hotel channel-remove nowhere 1", "no hotel nowhere"),
    ],
)
def test_what_is_not_there_is_one_line(hotel: CommandLine, command: str, says: str) -> None:
    ended = hotel.refused(*command.split())

    assert (ended.code, ended.err) == (1, f"innwatch: {says}\n")
