"""Looking back over HTTP: times at the edges of the calendar, and many who ask at once."""

import asyncio
from datetime import timedelta

import pytest

from api.look_backs import OF_A_HOTEL, LookBacks
from api.problems import Refused
from broker.tokens import Role
from tests.api.support import INN, LODGE, World


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"to": "9999-12-31T23:59:59Z"}, "to"),
        ({"to": "9999-12-31T23:59:59-12:00"}, "to"),
        ({"to": "0001-01-01T00:30:00Z"}, "to"),
        ({"from": "0001-01-01T00:00:00+12:00"}, "from"),
        ({"from": "9999-12-31T23:00:00Z"}, "from"),
        ({"to": "8000-01-02T00:00:00Z", "from": "8000-01-01T00:00:00Z"}, "from"),
        ({"to": "8000-01-02T00:00:00Z"}, None),
    ],
)
async def test_a_time_at_the_edge_is_refused_by_its_field(
    world: World, asked: dict[str, str], field: str | None
) -> None:
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        answer = await client.get("/api/devices/tab-1/why", params=asked)

    if field is None:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


async def test_what_was_told_to_whom_is_for_the_hotels_people_alone(world: World) -> None:
    alert, store, now = world.alerts[INN], world.store, world.clock()
    (notice,) = (await store.notifications(INN)).items
    claimed = await store.claim_notification(INN, notice.id, worker="w", now=now, lease=timedelta(minutes=1))
    assert claimed is not None
    error = "mail.example refused the mail: 550 5.1.1 <night@inn.example>: unknown"
    assert await store.record_dead(INN, notice.id, worker="w", now=now, error=error)
    seen = {}
    for token in (world.integrator(INN, "pms", "alerts"), world.user(INN, "inn-viewer", role=Role.VIEWER)):
        async with world.client(token) as client:
            seen[token] = [(await client.get(f"/api/alerts/{alert}{path}")) for path in ("", "/why")]
    (theirs, ours) = seen.values()

    for answer in theirs:
        assert answer.status_code == 200
        assert "notification." not in answer.text
        assert "inn.example" not in answer.text
        assert [step["type"] for step in answer.json()["timeline"]] == ["alert.opened"]
    assert theirs[1].json()["notices"] == []
    for answer in ours:
        dead = answer.json()["timeline"][-1]
        assert (dead["type"], dead["error"]) == ("notification.dead", error.replace("night@inn.example", "…"))
    assert ours[1].json()["notices"][0]["lastError"] == error


async def test_one_looks_back_at_a_time_and_of_one_hotel_only_so_many_wait() -> None:
    look_backs, done = LookBacks(), asyncio.Event()
    now = most = 0

    async def look() -> None:
        nonlocal now, most
        async with look_backs.turn(INN):
            now += 1
            most = max(most, now)
            await done.wait()
            now -= 1

    async with asyncio.TaskGroup() as looking:
        for _ in range(OF_A_HOTEL):
            looking.create_task(look())
        await asyncio.sleep(0)
        with pytest.raises(Refused) as refused:
            async with look_backs.turn(INN):
                pass
        looking.create_task(asyncio.wait_for(_once(look_backs), 60))
        done.set()

    assert (refused.value.problem.status, most) == (429, 1)
    async with look_backs.turn(INN):
        assert most == 1


async def _once(look_backs: LookBacks) -> None:
    """Another hotel waits for its turn, and gets it."""
    async with look_backs.turn(LODGE):
        pass
