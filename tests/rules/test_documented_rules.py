"""docs/rules.md tells the thresholds, the rules and the reasons that the code has."""

from datetime import timedelta
from pathlib import Path

import pytest

from rules.alerts import Because, Rule
from rules.policy import Policy, Profile

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
POLICY = Policy()


def row(name: str) -> str:
    """The one row of a table that begins with `name`."""
    (found,) = (line for line in PAGE.splitlines() if line.startswith(f"| {name}"))
    return found


def seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():g} s"


def minutes(duration: timedelta) -> str:
    return f"{duration / timedelta(minutes=1):g} min"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("`breach.signal`", f"floor + {POLICY.rssi_recovery_margin:g} dB"),
        ("`breach.signal`", f"at least {seconds(POLICY.breach_min_span)} ago"),
        ("`breach.access-point`", f"at least {seconds(POLICY.breach_min_span)}"),
        ("`breach.reported`", f"within {seconds(POLICY.breach_silent_within)}"),
        ("`silence`", f"high after {seconds(POLICY.silence_high_after)}"),
        ("`silence`", f"critical after {minutes(POLICY.silence_critical_after)}"),
        ("`battery.low`", f"at {POLICY.battery_low:g} % or less"),
        ("`battery.low`", f"{POLICY.battery_low_clear:g} %, or {minutes(POLICY.battery_charging_clear)}"),
        ("`power.unplugged`", f"{minutes(POLICY.unplugged_clear)} on its dock"),
        ("`checkout.guard`", f"within {minutes(POLICY.checkout_guard)}"),
        ("`checkout.guard`", f"{minutes(POLICY.checkout_seen)} on end"),
        ("its guest leaves", f"within {minutes(POLICY.departing_within)}"),
        ("`battery.critical`", f"at {POLICY.battery_critical:g} % or less"),
        ("`battery.critical`", f"{POLICY.battery_critical_clear:g} % makes it"),
    ],
)
def test_the_table_of_rules_has_the_default_threshold(name: str, says: str) -> None:
    assert says in row(name)


@pytest.mark.parametrize(
    "says",
    [
        f"uses \u2212{-POLICY.rssi_default_floor:g} dBm",
        f"({minutes(POLICY.sleep_longest)} at most",
        f"`bye` by {seconds(POLICY.bye_reconnect)}, for `reboot` and `update` by {seconds(POLICY.bye_reboot)}",
        f"{seconds(POLICY.restart_grace)} at least",
    ],
)
def test_the_text_has_the_default_threshold(says: str) -> None:
    assert says in PAGE


@pytest.mark.parametrize(
    ("name", "durations"),
    [
        ("heartbeat interval", [Policy(profile=profile).heartbeat_interval for profile in Profile]),
        ("allowance", [Policy(profile=profile).silence_allowance for profile in Profile]),
        ("grace", [Policy(profile=profile).grace for profile in Profile]),
    ],
)
def test_the_table_of_profiles_has_strict_and_normal(name: str, durations: list[timedelta]) -> None:
    cells = [cell.strip() for cell in row(name).split("|")]

    assert cells[2:4] == [seconds(duration) for duration in durations]


@pytest.mark.parametrize("rule", Rule)
def test_every_rule_has_a_row(rule: Rule) -> None:
    assert row(f"`{rule}`")


@pytest.mark.parametrize("because", [reason for reason in Because if reason is not Because.DEVICE_REMOVED])
def test_every_reason_is_named(because: Because) -> None:
    assert f"`{because}`" in PAGE
