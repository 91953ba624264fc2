"""Reading alerts and taking them on."""

from broker.tokens import Role
from rules.alerts import Severity
from rules.ids import UserName
from store import INNWATCH
from store.records import MemberRole
from tests.api.support import INN, LODGE, NOON, World


async def test_the_list_has_open_alerts_as_whole_snapshots(world: World) -> None:
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        page = (await client.get("/api/alerts")).json()

    assert page["next"] is None
    [alert] = page["items"]
    assert alert["id"] == world.alerts[INN]
    assert (alert["deviceId"], alert["roomId"], alert["floor"]) == ("tab-1", "101", "1")
    assert (alert["status"], alert["condition"], alert["severity"]) == ("open", "active", "high")
    assert alert["why"] == [{"because": "foreign", "observed": "de:ad:be:ef:00:01"}]


async def test_the_list_chooses_by_status(world: World) -> None:
    cleared = world.alerts[INN]
    await world.clear_alert(INN, cleared)
    opened = await world.open_alert(INN)
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        found = {
            status: [item["id"] for item in (await client.get(f"/api/alerts?status={status}")).json()["items"]]
            for status in ("open", "resolved", "all")
        }

    assert found == {"open": [opened], "resolved": [cleared], "all": [opened, cleared]}


async def test_pages_follow_one_another_without_gap_or_repeat(world: World) -> None:
    expected = [world.alerts[INN]]
    for _ in range(4):
        await world.clear_alert(INN, expected[-1])
        world.clock.pass_(seconds=1)
        expected.append(await world.open_alert(INN))
    found: list[str] = []
    sizes: list[int] = []
    query = {"status": "all", "limit": "2"}
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        while True:
            page = (await client.get("/api/alerts", params=query)).json()
            found += [item["id"] for item in page["items"]]
            sizes.append(len(page["items"]))
            if page["next"] is None:
                break
            query["cursor"] = page["next"]

    assert found == expected[::-1]
    assert sizes == [2, 2, 1]


async def test_one_alert_comes_with_its_timeline(world: World) -> None:
    token = world.user(INN, "inn-staff", role=Role.STAFF)
    async with world.client(token) as client:
        await client.post(f"/api/alerts/{world.alerts[INN]}/acknowledge", json={"note": "on my way"})
        alert = (await client.get(f"/api/alerts/{world.alerts[INN]}")).json()

    assert [entry["type"] for entry in alert["timeline"]] == ["alert.opened", "alert.acknowledged"]
    assert alert["timeline"][1]["by"] == "inn-staff"
    assert alert["timeline"][1]["note"] == "on my way"


async def test_acknowledging_answers_with_the_snapshot(world: World) -> None:
    async with world.client(world.user(INN, "inn-staff", role=Role.STAFF)) as client:
        answer = await client.post(f"/api/alerts/{world.alerts[INN]}/acknowledge", json={"note": "on my way"})

    assert answer.status_code == 200
    assert answer.json()["id"] == world.alerts[INN]
    assert answer.json()["acknowledged"] == {"by": "inn-staff", "at": "2026-11-23T12:00:00Z", "note": "on my way"}


async def test_the_second_to_acknowledge_learns_who_was_first_and_when(world: World) -> None:
    path = f"/api/alerts/{world.alerts[INN]}/acknowledge"
    async with world.client(world.user(INN, "inn-staff", role=Role.STAFF)) as first:
        await first.post(path, json={})
    world.clock.pass_(seconds=30)
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as second:
        answer = await second.post(path, json={"note": "mine"})

    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:innwatch:problem:already-acknowledged",
        "title": "Somebody was first",
        "status": 409,
        "by": "inn-staff",
        "at": "2026-11-23T12:00:00Z",
        "revision": 2,
    }


async def test_each_answer_gives_the_snapshot_and_is_a_line_of_the_timeline(world: World) -> None:
    path = f"/api/alerts/{world.alerts[INN]}"
    await world.store.add_user(INN, UserName("ann"), role=MemberRole.STAFF, password_hash=None, by=INNWATCH, now=NOON)
    async with world.client(world.user(INN, "inn-staff", role=Role.STAFF)) as client:
        assigned = (await client.post(f"{path}/assign", json={"assignee": "ann", "ifRevision": 1})).json()
        noted = (await client.post(f"{path}/note", json={"note": "the lift was open", "ifRevision": 2})).json()
        snoozed = (await client.post(f"{path}/snooze", json={"until": "2026-11-23T14:00:00+01:00"})).json()
        await client.post(f"{path}/acknowledge", json={})
        given_back = (await client.post(f"{path}/unacknowledge", json={})).json()
        timeline = (await client.get(path)).json()["timeline"]

    assert (assigned["assignee"], noted["revision"], given_back["acknowledged"]) == ("ann", 3, None)
    assert snoozed["snoozedUntil"] == "2026-11-23T13:00:00Z"
    assert [
        (one["type"], one["by"], one.get("assignee"), one.get("note"), one.get("until")) for one in timeline[1:]
    ] == [
        ("alert.assigned", "inn-staff", "ann", None, None),
        ("alert.noted", "inn-staff", None, "the lift was open", None),
        ("alert.snoozed", "inn-staff", None, None, "2026-11-23T13:00:00Z"),
        ("alert.acknowledged", "inn-staff", None, None, None),
        ("alert.unacknowledged", "inn-staff", None, None, None),
    ]


async def test_whoever_saw_an_older_revision_learns_who_changed_it(world: World) -> None:
    path = f"/api/alerts/{world.alerts[INN]}"
    async with world.client(world.user(INN, "inn-staff", role=Role.STAFF)) as client:
        await client.post(f"{path}/note", json={"note": "I look"})
        bodies: dict[str, dict[str, object]] = {
            "acknowledge": {},
            "snooze": {"until": None},
            "note": {"note": "me too"},
        }
        answers = [await client.post(f"{path}/{verb}", json={"ifRevision": 1} | body) for verb, body in bodies.items()]

    assert {answer.status_code for answer in answers} == {409}
    assert answers[0].json() == {
        "type": "urn:innwatch:problem:changed",
        "title": "It has changed since it was seen",
        "status": 409,
        "by": "inn-staff",
        "at": "2026-11-23T12:00:00Z",
        "revision": 2,
    }


async def test_staff_resolve_by_hand_what_is_not_critical_and_managers_the_rest(world: World) -> None:
    staff, manager = (world.user(INN, f"inn-{role}", role=role) for role in (Role.STAFF, Role.MANAGER))
    async with world.client(staff) as client:
        resolved = await client.post(f"/api/alerts/{world.alerts[INN]}/resolve", json={"note": "a lost bag"})
        again = await client.post(f"/api/alerts/{world.alerts[INN]}/resolve", json={})
    critical = await world.open_alert(INN, severity=Severity.CRITICAL)
    answers = []
    for token in (staff, manager):
        async with world.client(token) as client:
            answers.append(await client.post(f"/api/alerts/{critical}/resolve", json={}))

    assert (resolved.json()["status"], again.status_code) == ("resolved", 410)
    assert [answer.status_code for answer in answers] == [403, 200]
    assert answers[0].json()["detail"] == "needs the role manager"


async def test_an_answer_that_makes_no_sense_is_told_by_its_field(world: World) -> None:
    path = f"/api/alerts/{world.alerts[INN]}"
    wrong: list[tuple[str, dict[str, object], str]] = [
        ("assign", {"assignee": "nobody-here"}, "assignee"),
        ("assign", {"assignee": "a b"}, "assignee"),
        ("assign", {}, "assignee"),
        ("snooze", {"until": "2026-11-23T11:59:59Z"}, "until"),
        ("snooze", {"until": "2026-12-23T12:00:00Z"}, "until"),
        ("snooze", {"until": "2026-11-23T13:00:00"}, "until"),
        ("note", {"note": ""}, "note"),
        ("acknowledge", {"ifRevision": 0}, "ifRevision"),
        ("unacknowledge", {"note": "not asked for"}, "note"),
    ]
    async with world.client(world.user(INN, "inn-staff", role=Role.STAFF)) as client:
        answers = [await client.post(f"{path}/{verb}", json=body) for verb, body, _ in wrong]

    assert [(answer.status_code, answer.json()["errors"][0]["field"]) for answer in answers] == [
        (400, field) for _, _, field in wrong
    ]


async def test_a_resolved_alert_is_gone(world: World) -> None:
    await world.clear_alert(INN, world.alerts[INN])
    async with world.client(world.user(INN, "inn-staff", role=Role.STAFF)) as client:
        answer = await client.post(f"/api/alerts/{world.alerts[INN]}/acknowledge", json={})

    assert answer.status_code == 410
    assert answer.json()["type"] == "urn:innwatch:problem:already-resolved"


async def test_a_viewer_and_an_integrator_may_look_but_not_acknowledge(world: World) -> None:
    path = f"/api/alerts/{world.alerts[INN]}"
    tokens = [world.user(INN, "inn-viewer", role=Role.VIEWER), world.integrator(INN, "pms", "alerts")]
    answers = []
    for token in tokens:
        async with world.client(token) as client:
            answers += [(await client.get(path)).status_code]
            answers += [(await client.post(f"{path}/acknowledge", json={})).status_code]

    assert answers == [200, 403, 200, 403]


async def test_what_is_not_there_is_404_whatever_it_is_called(world: World) -> None:
    names = ["no-such-alert", world.alerts[LODGE], "a b", "%00", "%ff", "x" * 65, "_", "ä"]
    async with world.client(world.user(INN, "inn-staff", role=Role.STAFF)) as client:
        shown = [await client.get(f"/api/alerts/{name}") for name in names]
        acknowledged = [await client.post(f"/api/alerts/{name}/acknowledge", json={}) for name in names]

    assert {answer.status_code for answer in shown + acknowledged} == {404}
    assert len({answer.content for answer in shown + acknowledged}) == 1
