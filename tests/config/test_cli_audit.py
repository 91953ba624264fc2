"""`innwatch audit`: what was done at the command line, and by which user of the machine."""

import pytest

from tests.config.command_line import CommandLine


@pytest.fixture
def hotel(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Hotel h with room 101 and tablet t, all added by ops."""
    monkeypatch.setenv("LOGNAME", "ops")
    monkeypatch.delenv("SUDO_USER", raising=False)
    cli("hotel", "add", "h", "--timezone", "Europe/Vienna")
    cli("room", "add", "h", "101")
    cli("device", "add", "h", "t", "--room", "101")
    return cli


def test_what_was_done_at_the_command_line_is_listed_newest_first(hotel: CommandLine) -> None:
    hotel("device", "revoke", "h", "t")

    lines = hotel("audit", "h", "--json").json()

    assert [(one["deed"], one["subject"]) for one in lines] == [
        ("device.revoked", "t"),
        ("device.added", "t"),
        ("room.added", "101"),
        ("hotel.added", "h"),
    ]
    assert {(one["actorKind"], one["actor"], one["address"]) for one in lines} == {("command-line", "ops", None)}


def test_the_table_has_the_hotels_own_time(hotel: CommandLine) -> None:
    heading, _, line, *_ = hotel("audit", "h", "--deed", "device.").lines

    assert heading.split() == ["at", "who", "as", "from", "deed", "to", "detail"]
    assert "CET" in line or "CEST" in line
    assert line.split()[-4:] == ["device.added", "t", "roomId", "101"]


def test_it_is_narrowed_to_a_deed_an_actor_a_subject_and_a_number(hotel: CommandLine) -> None:
    def deeds(*words: str) -> list[str]:
        return [one["deed"] for one in hotel("audit", "h", *words, "--json").json()]

    assert deeds("--deed", "room.") == ["room.added"]
    assert deeds("--to", "t") == ["device.added"]
    assert deeds("--by", "nobody") == []
    assert deeds("--limit", "1") == ["device.added"]


def test_what_belongs_to_no_hotel_stands_apart(hotel: CommandLine) -> None:
    hotel("user", "add", "h", "ada", "--role", "staff")
    hotel("user", "disable", "ada")

    assert [(one["deed"], one["subject"]) for one in hotel("audit", "--json").json()] == [("user.disabled", "ada")]
    assert "user.disabled" not in hotel("audit", "h").out


def test_sudo_does_not_hide_who_it_was(hotel: CommandLine) -> None:
    hotel("room", "add", "h", "102", SUDO_USER="ada")

    (line,) = hotel("audit", "h", "--to", "102", "--json").json()
    assert line["actor"] == "ada"


def test_the_audit_of_a_hotel_that_is_not_there_is_refused(hotel: CommandLine) -> None:
    assert hotel.refused("audit", "g").err == "innwatch: no hotel g\n"


def test_a_token_of_a_person_or_an_integrator_is_noted(hotel: CommandLine) -> None:
    hotel("user", "add", "h", "ada", "--role", "staff")
    hotel("integrator", "add", "h", "opera")

    tokens = [hotel("token", "user", "h", "ada").out.strip(), hotel("token", "integrator", "h", "opera").out.strip()]

    listed = hotel("audit", "h", "--deed", "token.", "--json")
    assert [(one["subject"], one["detail"]) for one in listed.json()] == [
        ("opera", {"of": "integrator"}),
        ("ada", {"of": "user"}),
    ]
    assert not any(token in listed.out for token in tokens)
