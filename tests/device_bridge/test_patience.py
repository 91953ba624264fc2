"""Tablets get the time to come back to us, but not without end."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from device_bridge.fleet import Fleet
from device_bridge.hearing import Hearing
from device_bridge.journal import Journal
from device_bridge.metrics import BridgeMetrics
from device_bridge.patience import Patience
from device_bridge.queue import InputQueue
from device_bridge.watch import Watch
from store import Batch, Store
from store.batch import Stretch
from tests.store.given import open_at, url_of

NOON, GRACE = datetime(2026, 11, 23, 12, tzinfo=UTC), timedelta(seconds=60)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize("away", [5, 300], ids=["soon", "later"])
def test_a_link_that_held_for_as_long_as_the_grace_is_given_it_every_time(away: float) -> None:
    patience, at = Patience(), 0.0
    for _ in range(20):
        assert patience.is_granted(after(at), until=after(at - away), grace=GRACE)
        assert not patience.is_over(after(at + 1))
        at += 60 + away


@pytest.mark.parametrize("away", [0, 5, 100])
def test_a_link_that_is_always_lost_too_soon_is_given_it_until_we_have_listened_for_five_minutes(
    away: float,
) -> None:
    patience, at, listened = Patience(), 0.0, 0.0
    while patience.is_granted(after(at), until=after(at - away if listened else at), grace=GRACE):
        assert listened <= 300
        at, listened = at + 50 + away, listened + 50
    assert listened == 350
    assert patience.is_over(after(at + 59))
    assert not patience.is_over(after(at + 60))
    assert patience.is_granted(after(at + 70), until=after(at + 60), grace=GRACE)


def test_a_clock_that_is_set_back_begins_anew() -> None:
    patience = Patience()
    for at in range(0, 400, 50):
        patience.is_granted(after(at), until=after(at), grace=GRACE)
    assert patience.is_over(after(351))
    assert patience.is_granted(after(-1000), until=after(-1000), grace=GRACE)


def test_one_long_outage_soon_after_a_start_is_no_link_that_comes_and_goes() -> None:
    patience = Patience()
    assert patience.is_granted(NOON, until=NOON, grace=GRACE)
    assert patience.is_granted(after(6000), until=after(5), grace=GRACE)


@pytest.mark.parametrize(
    ("away", "starts", "left"), [(3, 6, 7), (30, 7, 10)], ids=["restarted at once", "restarted later"]
)
async def test_a_bridge_that_ends_again_and_again_is_a_link_that_comes_and_goes(
    tmp_path: Path, away: float, starts: int, left: float
) -> None:
    store = await open_at(url_of(tmp_path))
    now = NOON
    try:
        for _ in range(starts):
            watch = await start(store, at=now)
            assert (watch.watching_since, watch.is_impatient) == (now, False)
            await store.apply(Batch(received_at=now, listening=Stretch(now, None)))
            now += timedelta(seconds=50)
            await store.keep_listening(until=now)
            now += timedelta(seconds=away)

        watch = await start(store, at=now)
        assert watch.is_impatient
        assert watch.watching_since + GRACE == now + timedelta(seconds=left)  # as if it had never ended
    finally:
        await store.close()


async def start(store: Store, *, at: datetime) -> Watch:
    """A bridge's watch that has just begun to listen."""

    def now() -> datetime:
        return at

    fleet = Fleet(store)
    journal = Journal(
        store=store,
        hearing=Hearing.always(now=now),
        away_since=lambda: None,
        now=now,
        clock_steps=lambda: 0,
        ticks=lambda: 0.0,
    )
    watch = Watch(
        fleet=fleet,
        queue=InputQueue(now=now),
        journal=journal,
        now=now,
        alive_at=lambda _hotel, _device: None,
        metrics=BridgeMetrics(CollectorRegistry()),
    )
    earlier = await journal.open()
    await fleet.load()
    watch.remember(earlier)
    assert watch.is_listening()
    return watch
