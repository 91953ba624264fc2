"""`innwatch access`: the rules for a broker that is not ours."""

import pytest

from tests.config.command_line import CommandLine


@pytest.fixture
def house(cli: CommandLine) -> CommandLine:
    """Hotel h with the tablet t, ada, bob and a PMS; hotel s with a tablet."""
    for hotel in ("h", "s"):
        cli("hotel", "add", hotel)
        cli("room", "add", hotel, "101")
        cli("device", "add", hotel, "t", "--room", "101")
    for name in ("ada", "bob"):
        cli("user", "add", "h", name, "--role", "viewer")
    cli("integrator", "add", "h", "pms", "--scope", "pms")
    return cli


def users(cli: CommandLine) -> list[str]:
    return [line.removeprefix("user ") for line in cli("access", "--bridge", "b").lines if line.startswith("user ")]


def test_everybody_who_may_connect_is_in_it_once(house: CommandLine) -> None:
    assert users(house) == ["b", "h/t", "h/user/ada", "h/user/bob", "h/integrator/pms", "s/t"]


def test_who_is_disabled_or_of_a_suspended_hotel_is_not(house: CommandLine) -> None:
    house("user", "disable", "ada")
    house("hotel", "suspend", "s")

    assert users(house) == ["b", "h/t", "h/user/bob", "h/integrator/pms"]


def test_the_bridge_is_named_as_it_logs_in(house: CommandLine) -> None:
    printed = house("access", INNWATCH_BROKER="mqtt://bridge:s3cr3t@127.0.0.1")

    assert printed.lines[:3] == ["user bridge", "topic readwrite hotels/#", "topic readwrite platform/monitor"]
    assert "s3cr3t" not in printed.out
    assert "--bridge" in house.refused("access").err
