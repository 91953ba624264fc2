"""Replays that people asked for: each done once, by whoever is at it, and its result kept for a while."""

from datetime import timedelta

import pytest

from rules.alerts import ChangeKind
from rules.ids import ReplayId
from store import NotFound, Store, TooManyReplays
from store.replaying import AT_MOST, KEPT, Taken
from tests.store.given import HOTEL, NOW, OTHER, add_hotel, an_alert, batch, change, heartbeat, later, opened
from tests.support import person

R1, R2 = ReplayId("r1"), ReplayId("r2")
ANN = person("ann")


async def test_a_replay_is_taken_once_and_anew_when_nobody_is_at_it_any_more(store: Store) -> None:
    await add_hotel(store)
    await store.add_replay(HOTEL, R1, b'{"a":1}', by=ANN, now=NOW)

    assert await store.take_replay(now=NOW) == Taken(HOTEL, R1)
    assert await store.take_replay(now=later(1)) is None
    await store.replay_is_at(HOTEL, R1, done=10, total=40, now=later(50))
    assert await store.take_replay(now=later(100)) is None
    assert await store.take_replay(now=later(111)) == Taken(HOTEL, R1)

    assert await store.end_replay(HOTEL, R1, result=b'{"gained":[]}', now=later(120))
    assert not await store.end_replay(HOTEL, R1, error="too late", now=later(121))
    asked = await store.replay(HOTEL, R1)
    assert asked is not None
    assert (asked.asked_by, asked.asked_at, bytes(asked.request)) == ("ann", NOW, b'{"a":1}')
    assert (bytes(asked.result or b""), asked.error, asked.finished_at) == (b'{"gained":[]}', None, later(120))
    assert [one.result for one in (await store.replays(HOTEL)).items] == [None]
    assert (await store.replays(OTHER)).items == ()


async def test_so_many_wait_and_old_results_are_forgotten_when_another_is_asked_for(store: Store) -> None:
    await add_hotel(store)
    for number in range(AT_MOST):
        await store.add_replay(HOTEL, ReplayId(f"r{number}"), b"{}", by=ANN, now=NOW)
    with pytest.raises(TooManyReplays):
        await store.add_replay(HOTEL, ReplayId("one-more"), b"{}", by=ANN, now=NOW)
    await store.end_replay(HOTEL, ReplayId("r0"), error="no", now=NOW)

    await store.add_replay(HOTEL, ReplayId("one-more"), b"{}", by=ANN, now=NOW + KEPT + timedelta(seconds=1))

    assert await store.replay(HOTEL, ReplayId("r0")) is None
    with pytest.raises(NotFound):
        await store.add_replay(OTHER, R2, b"{}", by=ANN, now=NOW)


async def test_alerts_that_were_raised_are_those_that_were_open_at_the_time(store: Store) -> None:
    device, _ = await add_hotel(store)
    await store.apply(batch(heartbeat(device, "m1"), changes=[opened(device, "A1")]))
    closed = change(device, ChangeKind.CLEARED, an_alert("A1"), at=later(60))
    await store.apply(batch(heartbeat(device, "m2"), changes=[closed], at=later(60)))
    await store.apply(batch(heartbeat(device, "m3"), changes=[opened(device, "A2", opened_at=later(100))]))

    during = await store.raised(HOTEL, start=later(30), end=later(100))
    after = await store.raised(HOTEL, start=later(61), end=later(200))

    ((key, trouble),) = during
    assert (key, trouble.id, trouble.device_id, trouble.ended_at) == (device.key, "A1", device.id, later(60))
    assert [(one.id, one.ended_at) for _, one in after] == [("A2", None)]
