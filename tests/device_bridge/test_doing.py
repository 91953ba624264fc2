"""What people do about alerts over MQTT: done once, by whom it is allowed at that moment, and answered each time."""

from datetime import timedelta
from typing import Any

import pytest

from broker.topics import Kind
from rules.alerts import AlertSnapshot, AlertStatus
from rules.ids import HotelId, UserName
from rules.texts import WRONG_WITH_LINES
from store import INNWATCH
from store.records import Hotel, MemberRole
from tests.device_bridge.given import HOTEL, START, House, Post, report
from tests.device_bridge.test_intake import send
from tests.support import eventually, person


@pytest.fixture
async def alert(house: House) -> AlertSnapshot:
    """A critical one, and people of the hotel."""
    for name, role in {"vera": MemberRole.VIEWER, "ann": MemberRole.STAFF, "max": MemberRole.MANAGER}.items():
        await house.store.add_user(HOTEL, UserName(name), role=role, password_hash=None, by=INNWATCH, now=START)
    await send(house, Post(Kind.ALERT, report(cause="foreign-ap")))
    (opened,) = (await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items
    return opened


async def do(
    house: House,
    body: dict[str, object] | bytes,
    *,
    by: str = "ann",
    hotel: HotelId = HOTEL,
    retain: bool = False,
) -> dict[str, Any]:
    """Publish a deed, and return its result once it is acknowledged."""
    results = len(house.published.on(f"hotels/{hotel}/staff/{by}/result"))
    await send(house, Post(Kind.DO, body, device=by, hotel=hotel, retain=retain))
    found: list[dict[str, Any]] = house.published.on(f"hotels/{hotel}/staff/{by}/result")[results:]
    assert len(found) == 1
    return found[0]


async def test_a_deed_is_done_and_its_result_has_the_alert(house: House, alert: AlertSnapshot) -> None:
    body: dict[str, object] = {"id": "d-1", "op": "acknowledge", "alertId": alert.id, "note": "on my way"}

    result = await do(house, body)

    assert (result["id"], result["verdict"], result["alert"]["revision"]) == ("d-1", "applied", 2)
    assert result["alert"]["acknowledged"]["by"] == "ann"
    (line,) = (await house.store.audit(HOTEL, deed="alert.")).items
    assert (line.actor, line.request_id) == ("ann", "d-1")


async def test_what_comes_again_is_done_once_and_answered_again(house: House, alert: AlertSnapshot) -> None:
    body: dict[str, object] = {"id": "d-1", "op": "note", "alertId": alert.id, "note": "seen"}

    first, second = await do(house, body), await do(house, body)

    assert first == second
    assert first["alert"]["revision"] == 2


async def test_a_deed_is_done_although_another_had_its_id(house: House, alert: AlertSnapshot) -> None:
    """Another op, or other words: a console that counts its requests from 1 again is not ignored."""
    await do(house, {"id": "d-1", "op": "acknowledge", "alertId": alert.id}, by="max")
    await do(house, {"id": "d-1", "op": "note", "alertId": alert.id, "note": "seen"}, by="max")

    note = await do(house, {"id": "d-1", "op": "note", "alertId": alert.id, "note": "gone again"}, by="max")
    result = await do(house, {"id": "d-1", "op": "resolve", "alertId": alert.id}, by="max")

    assert note["alert"]["revision"] == 4
    assert (result["verdict"], result["alert"]["status"]) == ("applied", "resolved")


async def test_every_op_is_an_answer(house: House, alert: AlertSnapshot) -> None:
    bodies: list[dict[str, object]] = [
        {"op": "assign", "assignee": "max", "ifRevision": 1},
        {"op": "assign", "assignee": None},
        {"op": "snooze", "until": (house.clock.at + timedelta(minutes=30)).isoformat()},
        {"op": "snooze", "until": None},
        {"op": "acknowledge"},
        {"op": "unacknowledge"},
        {"op": "resolve", "note": "a lost bag"},
    ]

    for number, body in enumerate(bodies):
        result = await do(house, {"id": f"d-{number}", "alertId": alert.id} | body, by="max")
        assert result["verdict"] == "applied", result

    assert [entry.type.value for entry in await house.store.timeline(HOTEL, alert.id)][1:] == [
        "alert.assigned", "alert.assigned", "alert.snoozed", "alert.snoozed", "alert.acknowledged",
        "alert.unacknowledged", "alert.resolved",
    ]  # fmt: skip
    assert (await do(house, {"id": "d-9", "op": "note", "alertId": alert.id, "note": "late"}))["verdict"] == "gone"


async def test_who_comes_second_learns_who_was_first_by_whichever_way(house: House, alert: AlertSnapshot) -> None:
    at = house.clock.at
    await house.store.acknowledge(HOTEL, alert.id, by=person("max"), note=None, now=at)

    result = await do(house, {"id": "d-1", "op": "acknowledge", "alertId": alert.id})
    changed = await do(house, {"id": "d-2", "op": "note", "alertId": alert.id, "note": "x", "ifRevision": 1})

    when = at.isoformat().replace("+00:00", "Z")
    for found in (result, changed):
        assert (found["verdict"], found["by"], found["at"], found["revision"]) == ("conflict", "max", when, 2)


async def test_what_a_person_may_do_is_looked_up_at_that_moment(house: House, alert: AlertSnapshot) -> None:
    acknowledge: dict[str, object] = {"op": "acknowledge", "alertId": alert.id}
    resolve: dict[str, object] = {"op": "resolve", "alertId": alert.id}
    strangers = [await do(house, {"id": "d-1"} | acknowledge, by=by) for by in ("vera", "nobody")]
    staff = await do(house, {"id": "d-2"} | resolve)
    await house.store.change_role(HOTEL, UserName("ann"), MemberRole.VIEWER, by=INNWATCH, now=START)
    demoted = await do(house, {"id": "d-3"} | acknowledge)
    await house.store.disable_user(UserName("max"), by=INNWATCH, now=START)
    disabled = await do(house, {"id": "d-4"} | acknowledge, by="max")

    refused = [*strangers, staff, demoted, disabled]
    assert {one["verdict"] for one in refused} == {"forbidden"}
    assert [one["detail"] for one in refused] == [
        "needs the role staff", "needs the role staff", "needs the role manager", "needs the role staff",
        "needs the role staff",
    ]  # fmt: skip
    untouched = await house.store.alert(HOTEL, alert.id)
    assert untouched == alert


async def test_a_deed_in_another_hotel_finds_nothing_of_this_one(house: House, alert: AlertSnapshot) -> None:
    other = HotelId("other")
    eve = UserName("eve")
    await house.store.add_hotel(Hotel(id=other, name="Other"), by=INNWATCH, now=START)
    await house.store.add_user(other, eve, role=MemberRole.MANAGER, password_hash=None, by=INNWATCH, now=START)
    body: dict[str, object] = {"id": "d-1", "op": "acknowledge", "alertId": alert.id}

    results = [await do(house, body, by=eve, hotel=hotel) for hotel in (other, HOTEL)]

    assert [one["verdict"] for one in results] == ["gone", "forbidden"]


WRONG: dict[str, dict[str, object] | bytes] = {
    "not JSON": b"{",
    "not UTF-8": b"\xff",
    "no op": {"id": "d-1", "alertId": "A1"},
    "an unknown op": {"id": "d-1", "alertId": "A1", "op": "delete"},
    "an unknown field": {"id": "d-1", "alertId": "A1", "op": "acknowledge", "by": "max"},
    "a field of another op": {"id": "d-1", "alertId": "A1", "op": "acknowledge", "until": None},
    "no assignee": {"id": "d-1", "alertId": "A1", "op": "assign"},
    "an empty note": {"id": "d-1", "alertId": "A1", "op": "note", "note": ""},
    "a time without a zone": {"id": "d-1", "alertId": "A1", "op": "snooze", "until": "2026-11-23T12:00:00"},
    "a direction turned": {"id": "d-1", "alertId": "A1", "op": "note", "note": "room \u202e402"},
    "too large": {"id": "d-1", "alertId": "A1", "op": "note", "note": "x" * 9000},
}


async def test_what_makes_no_sense_is_answered_and_quarantined(house: House, alert: AlertSnapshot) -> None:
    results = {what: await do(house, body) for what, body in WRONG.items()}
    retained = await do(house, {"id": "d-1", "op": "acknowledge", "alertId": alert.id}, retain=True)

    assert {one["verdict"] for one in (*results.values(), retained)} == {"invalid"}
    assert results["no op"]["id"] == "d-1"
    assert results["not JSON"]["id"] is None
    assert results["a direction turned"]["detail"] == f"{WRONG_WITH_LINES} - at `$.note`"
    kept = (await house.store.quarantine(HOTEL, limit=50)).items
    assert len(kept) == len(WRONG) + 1
    assert {row.topic for row in kept} == {"hotels/grand/staff/ann/do"}
    assert await house.store.alert(HOTEL, alert.id) == alert


async def test_an_assignment_to_nobody_of_the_hotel_is_told(house: House, alert: AlertSnapshot) -> None:
    result = await do(house, {"id": "d-1", "op": "assign", "alertId": alert.id, "assignee": "vera"})

    assert (result["verdict"], result["detail"]) == ("invalid", "assignee is nobody of this hotel who answers alerts")


async def test_an_acknowledgment_lapses_while_the_alert_is_critical(house: House, alert: AlertSnapshot) -> None:
    await do(house, {"id": "d-1", "op": "acknowledge", "alertId": alert.id})

    house.clock.advance(3600)

    async def lapsed() -> bool:
        return [entry.type.value for entry in await house.store.timeline(HOTEL, alert.id)][-1] == "alert.lapsed"

    await eventually(lapsed)
