"""Deadlines that pass, and what MQTT is told of it all, in the order of the events."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from broker.topics import Kind
from device_bridge import publish
from device_bridge.queue import Began, DeadlineDue
from device_bridge.uplink import Nearby
from rules.alerts import AlertStatus
from store import Batch, Store
from store.records import Recorded
from tests.device_bridge.given import FOREIGN, HOTEL, START, House, Post, beside, heartbeat, report
from tests.support import eventually, person


async def beat(house: House, bssid: str = "aa:bb:cc:dd:ee:01", *, device: str = "tab-101") -> None:
    post = Post(Kind.HEARTBEAT, heartbeat(bssid, ts=house.clock.at), device=device)
    house.queue.offer(post)
    await eventually(lambda: post.settled)


async def open_alerts(house: House) -> list[str]:
    page = await house.store.alerts(HOTEL, status=AlertStatus.OPEN)
    return [f"{alert.device_id} {alert.rule}" for alert in page.items]


async def test_silence_is_dated_at_its_deadline_and_not_at_its_discovery(house: House) -> None:
    await beat(house)
    house.clock.advance(3000)
    await eventually(lambda: open_alerts(house))
    (alert,) = (await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items
    assert (alert.opened_at - START).total_seconds() == 18


async def test_a_heartbeat_that_came_before_the_deadline_was_looked_at_prevents_it(house: House) -> None:
    await beat(house)
    house.clock.advance(17)
    await beat(house)
    house.clock.advance(2)
    await beat(house, "aa:bb:cc:dd:ee:02", device="tab-102")
    assert await open_alerts(house) == []


async def test_after_a_start_every_tablet_has_a_minute_before_silence_is_judged(tmp_path: Path) -> None:
    house = House(tmp_path / "innwatch.db")
    await house.open()
    async with beside(house.bridge.run()):
        await beat(house)
    await house.store.close()  # before the clock moves: a bridge that still ran would find the silence itself

    restarted = House(house.path)
    restarted.clock.at = house.clock.at + timedelta(seconds=600)
    await restarted.open()
    watch = restarted.bridge._watch
    assert watch.is_listening()
    watch.pass_due(restarted.clock.at)
    assert [type(item) for item in await restarted.queue.take(9)] == [Began]
    restarted.clock.advance(60)
    watch.pass_due(restarted.clock.at)
    assert [type(item) for item in await restarted.queue.take(9)] == [DeadlineDue]
    await restarted.store.close()


async def test_who_is_heard_since_the_start_has_no_minute_any_more(house: House) -> None:
    for _ in range(3):
        await beat(house)
        house.clock.advance(4)
    house.bridge._watch.begin_again(house.clock.at)
    await beat(house)
    house.clock.advance(19)
    await eventually(lambda: open_alerts(house))
    assert await open_alerts(house) == ["tab-101 silence"]


async def test_nor_who_was_heard_while_the_watch_began_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        await beat(house)
        house.clock.advance(4)
    apply, watch = house.store.apply, house.bridge._watch

    async def begin_again_and_apply(batch: Batch) -> tuple[Recorded, ...]:
        if batch.messages and watch.watching_since != house.clock.at:
            watch.begin_again(house.clock.at)
        return await apply(batch)

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "apply", begin_again_and_apply)
        await beat(house)
    house.clock.advance(19)
    await eventually(lambda: open_alerts(house))
    assert await open_alerts(house) == ["tab-101 silence"]


async def test_an_alert_is_retained_while_it_is_open_and_emptied_when_it_is_resolved(house: House) -> None:
    for body in (report("breach"), report("recovery")):
        house.queue.offer(Post(Kind.ALERT, body))
    await eventually(lambda: "alert.cleared" in {event["type"] for event in house.published.on("/events")})
    told = [
        (body["status"] if body else None, retained)
        for topic, body, retained in house.published.messages
        if "/alerts/" in topic
    ]
    assert told == [("open", True), ("resolved", False), (None, True)]


async def test_events_are_published_in_order_without_a_gap(house: House) -> None:
    for device in ("tab-101", "tab-102", "tab-103"):
        house.queue.offer(Post(Kind.ALERT, report(), device=device))
    await eventually(lambda: [e["type"] for e in house.published.on("/events")].count("alert.opened") == 3)
    ids = [event["id"] for event in house.published.on("/events")]
    assert ids == list(range(ids[0], ids[0] + len(ids)))


async def test_an_acknowledgment_over_http_is_published_too(house: House) -> None:
    house.queue.offer(Post(Kind.ALERT, report()))
    await eventually(lambda: open_alerts(house))
    (alert,) = (await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items
    await house.store.acknowledge(HOTEL, alert.id, by=person("sam"), note=None, now=house.clock.at)
    await eventually(lambda: house.published.on(f"/alerts/{alert.id}")[-1]["acknowledged"])


async def test_what_another_process_adds_and_rings_for_is_published_before_the_next_look(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "_LOOK_EVERY_S", 3600.0)
    for device in ("tab-101", "tab-102", "tab-103"):
        house.queue.offer(Post(Kind.ALERT, report(), device=device))
    await eventually(lambda: len([topic for topic, *_ in house.published.messages if "/alerts/" in topic]) == 3)
    alerts = (await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items
    api = await Store.open(f"sqlite+aiosqlite:///{house.path}", doorbell=house.doorbell)
    try:
        for alert in alerts:
            await api.acknowledge(HOTEL, alert.id, by=person("sam"), note=None, now=house.clock.at)
            topic = f"/alerts/{alert.id}"
            await eventually(lambda: house.published.on(topic)[-1].get("acknowledged"))  # noqa: B023
    finally:
        await api.close()


async def test_events_that_a_killed_bridge_did_not_publish_are_published_by_the_next(tmp_path: Path) -> None:
    house = House(tmp_path / "innwatch.db")
    await house.open()
    async with beside(house.bridge.run()):
        house.queue.offer(Post(Kind.ALERT, report()))
        newest = await eventually(lambda: house.published.on("/events"))
        await eventually(lambda: _noted(house, newest[-1]["id"]))
    noted = (await house.store.announced())[HOTEL]
    (alert,) = (await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items
    await house.store.acknowledge(HOTEL, alert.id, by=person("sam"), note=None, now=START)
    house.published.messages.clear()

    house.bridge = house.new_bridge()
    await house.bridge.start()
    async with beside(house.bridge.run()):
        await eventually(lambda: "alert.acknowledged" in {event["type"] for event in house.published.on("/events")})
    events = house.published.on("/events")
    assert [event["id"] for event in events] == list(range(noted + 1, noted + 1 + len(events)))
    assert [event["type"] for event in events if event["type"].startswith("alert")] == ["alert.acknowledged"]
    await house.store.close()


async def test_what_the_broker_does_not_have_is_not_noted_as_published(tmp_path: Path) -> None:
    house = House(tmp_path / "innwatch.db")
    broker = house.uplink = Reluctant(house)
    await house.open()
    async with beside(house.bridge.run()):
        house.queue.offer(Post(Kind.ALERT, report()))
        published = (await eventually(lambda: house.published.on("/events")))[-1]["id"]
        await asyncio.sleep(1.5)  # longer than it takes to note it
        assert await house.store.announced() == {}
        broker.has_it.set()
        await eventually(lambda: _noted(house, published))
    await house.store.close()


class Reluctant(Nearby):
    """A broker that has not acknowledged anything yet."""

    def __init__(self, house: House) -> None:
        super().__init__(house.published, hearing=house.uplink.hearing, retained=house.retained)
        self.has_it = asyncio.Event()

    async def settled(self) -> None:
        await self.has_it.wait()


async def _noted(house: House, event_id: int) -> bool:
    return (await house.store.announced()).get(HOTEL, 0) >= event_id


async def test_a_start_publishes_what_is_stored_before_it_watches(house: House) -> None:
    await beat(house, FOREIGN)
    house.queue.offer(Post(Kind.ALERT, report()))
    await eventually(lambda: open_alerts(house))
    restarted = House(house.path)
    await restarted.open()
    topics = [topic for topic, _, retained in restarted.published.messages if retained]
    (alert,) = (await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items
    assert f"hotels/grand/alerts/{alert.id}" in topics
    assert {f"hotels/grand/devices/tab-{n}/{kind}" for n in (101, 102, 103) for kind in ("status", "config")} <= set(
        topics
    )
    assert not any(topic.endswith("/monitor") for topic in topics)
    await restarted.store.close()


async def test_a_start_empties_what_nobody_knows_any_more(house: House) -> None:
    restarted = House(house.path)
    restarted.found = frozenset(
        {
            "hotels/grand/alerts/long-gone",
            "hotels/grand/devices/tab-9/config",
            "hotels/elsewhere/monitor",
            "hotels/grand/devices/tab-101/config",
            "hotels/grand/monitor",
            "platform/monitor",
        }
    )
    await restarted.open()
    emptied = {topic for topic, body, retained in restarted.published.messages if body is None and retained}
    assert emptied == {
        "hotels/grand/alerts/long-gone",
        "hotels/grand/devices/tab-9/config",
        "hotels/elsewhere/monitor",
    }
    await restarted.store.close()


async def test_the_monitor_says_watching_and_until_when(house: House) -> None:
    said, *_ = await eventually(lambda: house.published.on("grand/monitor"))
    await eventually(lambda: house.published.on("platform/monitor")[0] == said)
    assert (said["state"], said["validUntil"]) == ("watching", "2026-11-22T03:00:30Z")
    await eventually(lambda: "monitor.changed" in {event["type"] for event in house.published.on("/events")})


async def test_a_status_whose_axes_stand_still_is_refreshed_once_a_minute(house: House) -> None:
    await beat(house)
    await eventually(lambda: house.published.on("tab-101/status")[-1]["link"] == "online")
    before = len(house.published.on("tab-101/status"))
    for _ in range(13):
        house.clock.advance(5)
        await beat(house)
    await eventually(lambda: len(house.published.on("tab-101/status")) == before + 1)


async def test_a_deadline_that_the_database_refuses_is_judged_again_until_it_takes_it(house: House) -> None:
    await beat(house)
    house.execute(
        "create trigger poison before insert on alert when new.family = 'silence' begin select raise(abort, 'no'); end"
    )
    house.clock.advance(20)
    await eventually(lambda: house.published.on("grand/monitor")[-1]["state"] == "degraded")
    house.execute("drop trigger poison")
    house.clock.advance(20)
    assert await eventually(lambda: open_alerts(house)) == ["tab-101 silence"]
    await eventually(lambda: house.published.on("grand/monitor")[-1]["state"] == "watching")


async def test_a_clock_that_is_set_back_blinds_nobody(house: House) -> None:
    await beat(house)
    house.clock.advance(-3600)
    house.clock.steps += 1
    await eventually(lambda: house.published.on("grand/monitor")[-1]["validUntil"] < "2026-11-22T03:00:00Z")
    await eventually(lambda: house.bridge._watch.watching_since < START)
    house.clock.advance(61)
    assert await eventually(lambda: open_alerts(house)) == ["tab-101 silence"]


async def test_a_clock_that_jumps_ahead_accuses_nobody(house: House) -> None:
    await beat(house)
    house.clock.steps += 1
    house.clock.advance(3600)
    await eventually(lambda: house.bridge._watch.watching_since > START)
    await beat(house, "aa:bb:cc:dd:ee:02", device="tab-102")
    assert await open_alerts(house) == []


async def test_a_tablet_that_speaks_before_it_was_read_gets_its_config(house: House) -> None:
    await house.add_room(104)
    await beat(house, "aa:bb:cc:dd:ee:04", device="tab-104")
    (config,) = await eventually(lambda: house.published.on("tab-104/config"))
    assert (config["roomId"], config["heartbeatIntervalS"]) == ("104", 4.0)


async def test_a_new_room_tells_nobody_but_its_own_tablet(house: House) -> None:
    before = len(house.published.on("tab-101/config"))
    await house.add_room(105)
    await eventually(lambda: house.published.on("tab-105/config"))
    assert len(house.published.on("tab-101/config")) == before
