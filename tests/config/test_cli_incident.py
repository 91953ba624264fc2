"""`innwatch incident`: looking at outages and taking one on, from the command line."""

from datetime import timedelta

from msgspec.structs import replace

from rules.ids import AlertId, DeviceId, HotelId, IncidentId
from rules.incident import IncidentSnapshot, Outage, Scope
from rules.outage import IncidentChange, Turn
from store import Store
from store.batch import Batch, IncidentTurn
from tests.config.command_line import CommandLine
from tests.store.given import NOW, batch, opened

OUT = IncidentSnapshot(
    id=IncidentId("I1"), rule=Outage.AREA, scope=Scope.FLOOR, place="1", opened_at=NOW + timedelta(seconds=1), members=2
)


async def lose_the_floor(store: Store) -> None:
    tablets = [await store.find_device(HotelId("h"), DeviceId(one)) for one in ("t", "u")]
    alerts = (AlertId("A1"), AlertId("A2"))
    await store.apply(
        batch(changes=[opened(one, name) for one, name in zip(tablets, alerts, strict=True) if one is not None])
    )
    turn = IncidentChange(turn=Turn.OPENED, incident=OUT, at=OUT.opened_at, absorbed=alerts)
    await store.apply(Batch(received_at=OUT.opened_at, incidents=[IncidentTurn(HotelId("h"), turn)]))


async def widen(store: Store) -> None:
    """The hotel's incident takes the floor's tablets over."""
    over = replace(OUT, closed_at=OUT.opened_at)
    turn = IncidentChange(turn=Turn.CLOSED, incident=over, at=OUT.opened_at, into=IncidentId("I0"))
    await store.apply(Batch(received_at=OUT.opened_at, incidents=[IncidentTurn(HotelId("h"), turn)]))


def test_an_outage_is_listed_shown_with_its_tablets_and_taken_on_once(cli: CommandLine) -> None:
    cli("hotel", "add", "h", "--timezone", "Europe/Vienna")
    cli("room", "add", "h", "101", "--floor", "1")
    cli("room", "add", "h", "99", "--floor", "1")
    cli("device", "add", "h", "t", "--room", "101")
    cli("device", "add", "h", "u", "--room", "99")
    assert cli("incident", "list", "h", "--json").json() == []
    cli.with_store(lose_the_floor)

    (listed,) = cli("incident", "list", "h", "--open", "--json").json()
    assert (listed["id"], listed["place"], listed["members"]) == ("I1", "1", 2)
    assert cli("incident", "acknowledge", "h", "I1").lines == ["acknowledged I1 of h"]
    assert "already acknowledged by command line" in cli.refused("incident", "acknowledge", "h", "I1").err

    assert "floor 1" in cli("incident", "list", "h").out
    shown = cli("incident", "show", "h", "I1").out
    assert "part of the hotel is not heard" in shown
    assert "incident.opened" not in shown
    assert "floor 1: 2 tablets silent" in shown
    assert shown.index("\n99 ") < shown.index("\n101 ")  # as people walk
    assert "it is told as part of an outage (floor 1)" in cli("alert", "show", "h", "A1").out
    whole = cli("incident", "show", "h", "I1", "--json").json()
    assert {alert["deviceId"] for alert in whole["alerts"]} == {"t", "u"}
    assert [(step["type"], step.get("by")) for step in whole["timeline"]] == [
        ("incident.opened", None),
        ("incident.changed", "command line"),
    ]
    cli.with_store(widen)
    merged = cli("incident", "show", "h", "I1")
    assert ["part", "of", "I0"] in [line.split() for line in merged.lines]
    assert cli("incident", "show", "h", "I1", "--json").json()["partOf"] == "I0"
    assert "no incident I9" in cli.refused("incident", "show", "h", "I9").err
