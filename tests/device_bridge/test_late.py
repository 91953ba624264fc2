"""What comes late is stored, said to be late, and explains; nobody is told of it."""

from datetime import timedelta

from broker.topics import Kind
from rules.alerts import AlertSnapshot, AlertStatus
from store.records import EventType
from tests.device_bridge.given import HOTEL, OWN, START, House, Post, heartbeat, report
from tests.support import eventually


async def send(house: House, *posts: Post) -> None:
    for post in posts:
        house.queue.offer(post)
    await eventually(lambda: all(post.settled for post in posts))


async def beat(house: House, *, slow: timedelta = timedelta(0)) -> None:
    await send(house, Post(Kind.HEARTBEAT, heartbeat(OWN, sid="b-1", ts=house.clock.at - slow)))


def backlog(house: House, *items: tuple[str, dict[str, object]]) -> Post:
    kept = [{"kind": kind, "message": body} for kind, body in items]
    return Post(Kind.BACKLOG, {"id": "b-1", "ts": house.clock.at, "items": kept})


async def test_a_backlog_names_the_silence_and_no_notice_is_made(house: House) -> None:
    await beat(house)
    house.clock.advance(30)
    (alert,) = await eventually(lambda: open_alerts(house))
    wifi_off = report(id="r-off", cause="wifi-off", ts=START + timedelta(seconds=2), sid="b-1")
    await send(house, backlog(house, ("heartbeat", heartbeat(id="m-kept", ts=START)), ("alert", wifi_off)))

    (named,) = await open_alerts(house)
    assert (named.id, named.rule, named.severity) == (alert.id, "wifi-off", alert.severity)
    assert house.published.receipts() == [{"id": "m-kept", "verdict": "late"}, {"id": "r-off", "verdict": "late"}]
    told = [event.type for event in await house.store.events_after(HOTEL, 0, limit=100)]
    assert told.count(EventType.ALERT_CHANGED) == 1
    assert EventType.ALERT_OPENED not in told[told.index(EventType.ALERT_CHANGED) :]


async def test_a_report_that_waited_on_its_way_is_late_and_one_of_a_wrong_clock_is_not(house: House) -> None:
    hour = timedelta(hours=1)
    await beat(house, slow=hour)
    house.clock.advance(100)
    await beat(house, slow=hour)
    waited = report(id="r-waited", sid="b-1", ts=house.clock.at - hour - timedelta(seconds=90))
    await send(house, Post(Kind.ALERT, waited))
    assert not await open_alerts(house)
    await send(house, Post(Kind.ALERT, report(id="r-now", sid="b-1", ts=house.clock.at - hour)))
    verdicts = [(line["id"], line["verdict"]) for line in house.published.receipts()]
    assert verdicts == [("r-waited", "late"), ("r-now", "stored")]
    assert "breach.reported" in [alert.rule for alert in await open_alerts(house)]


async def test_what_is_older_than_a_message_is_known_for_is_not_taken(house: House) -> None:
    week = timedelta(days=7)
    old = report(id="r-old", ts=START - week - timedelta(hours=1))
    young = report(id="r-young", ts=START - week + timedelta(hours=1))
    await send(house, backlog(house, ("alert", old), ("alert", young)))
    (refused, taken) = sorted(house.published.receipts(), key=lambda line: line["id"])
    assert (refused["verdict"], refused["reason"]) == ("rejected", "too-old")
    assert taken == {"id": "r-young", "verdict": "late"}
    assert await house.stored() == ["r-young"]


async def open_alerts(house: House) -> tuple[AlertSnapshot, ...]:
    return (await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items
