"""Stored, then adopted, then acknowledged; and nobody waits for somebody else's bad message."""

import gc
import logging
import sqlite3
from contextlib import closing

import pytest

from broker.delivery import TokenEnd
from broker.topics import Kind
from config.logs import said
from device_bridge.draft import Draft
from rules.alerts import AlertStatus
from rules.ids import DeviceId
from tests.device_bridge.given import FOREIGN, HOTEL, OWN, START, TABLET, House, Post, heartbeat, report
from tests.support import eventually


async def send(house: House, *posts: Post) -> None:
    """Offer them as one batch and wait until each is settled."""
    for post in posts:
        house.queue.offer(post)
    await eventually(lambda: all(post.settled for post in posts))


async def test_a_message_is_settled_once_and_only_when_it_is_on_disk(house: House) -> None:
    post = Post(Kind.HEARTBEAT, heartbeat(id="m-first"))
    found: list[int] = []

    def look() -> None:
        with closing(sqlite3.connect(house.path)) as connection, connection:
            found.extend(connection.execute("select count(*) from message where message_id = 'm-first'").fetchone())

    post.then = look
    await send(house, post)
    assert (found, post.settled) == ([1], 1)


async def test_the_same_id_is_stored_once_and_the_second_is_told_so(house: House) -> None:
    body = heartbeat(id="m-twin")
    await send(house, Post(Kind.HEARTBEAT, body), Post(Kind.HEARTBEAT, body | {"rssi": -60}))
    await send(house, Post(Kind.HEARTBEAT, body))
    assert await house.stored() == ["m-twin"]
    assert [(line["id"], line["verdict"]) for line in house.published.receipts()] == [("m-twin", "duplicate")] * 2


async def test_a_stored_heartbeat_gets_no_receipt_and_a_report_gets_one_with_its_alert(house: House) -> None:
    await send(house, Post(Kind.HEARTBEAT, heartbeat()), Post(Kind.ALERT, report(id="r-1")))
    (alert,) = (await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items
    assert house.published.receipts() == [{"id": "r-1", "verdict": "stored", "alertId": alert.id}]


async def test_rubbish_is_quarantined_and_the_next_message_goes_through(house: House) -> None:
    bad = Post(Kind.HEARTBEAT, b'{"id":"m-bad","ts":"2026-11-22T03:00:00Z","rssi":12}')
    await send(house, Post(Kind.HEARTBEAT, b"\xff\x00"), bad, Post(Kind.HEARTBEAT, heartbeat(id="m-good")))
    assert await house.stored() == ["m-good"]
    assert [row.reason for row in (await house.store.quarantine(HOTEL)).items] == ["invalid", "malformed"]
    assert house.published.receipts()[0]["reason"] == "invalid"


async def test_what_the_database_refuses_is_set_aside_and_the_rest_of_its_batch_is_stored(house: House) -> None:
    house.execute(
        "create trigger poison before insert on message when new.message_id = 'm-poison' "
        "begin select raise(abort, 'no'); end"
    )
    posts = [Post(Kind.HEARTBEAT, heartbeat(id=name)) for name in ("m-1", "m-2", "m-poison", "m-3")]
    await send(house, *posts)
    assert await house.stored() == ["m-1", "m-2", "m-3"]
    assert [row.reason for row in (await house.store.quarantine(HOTEL)).items] == ["store-refused"]
    assert [line["verdict"] for line in house.published.receipts()] == ["rejected"]


async def test_a_batch_that_is_over_needs_no_collector_to_be_freed(house: House) -> None:
    assert gc.is_tracked(Draft.__new__(Draft))  # one that is left would be found
    gc.collect()
    gc.disable()
    try:
        await send(house, Post(Kind.HEARTBEAT, heartbeat()), Post(Kind.ALERT, report(id="r-1")))
        await eventually(lambda: not [one for one in gc.get_objects() if type(one) is Draft])
    finally:
        gc.enable()


async def test_a_device_that_nobody_added_is_an_orphan_and_gets_no_row(house: House) -> None:
    await send(house, Post(Kind.HEARTBEAT, heartbeat(id="m-1"), device="tab-999"))
    assert await house.stored() == []
    assert [row.device_id for row in await house.store.orphans(HOTEL)] == ["tab-999"]
    assert house.published.receipts()[0]["reason"] == "unknown-device"


async def test_a_device_that_was_added_a_moment_ago_is_known(house: House) -> None:
    await house.add_room(104)
    await send(house, Post(Kind.HEARTBEAT, heartbeat(id="m-new"), device="tab-104"))
    assert await house.stored() == ["m-new"]


async def test_nothing_is_settled_while_the_database_is_locked_and_all_is_when_it_returns(house: House) -> None:
    lock = sqlite3.connect(house.path, isolation_level=None)
    lock.execute("begin immediate")
    post = Post(Kind.HEARTBEAT, heartbeat(id="m-waits"))
    house.queue.offer(post)
    await eventually(lambda: house.bridge.problems() == ["the database does not answer"])
    assert post.settled == 0
    lock.execute("rollback")
    lock.close()
    await eventually(lambda: post.settled)
    assert await house.stored() == ["m-waits"]
    await eventually(lambda: house.bridge.problems() == [])


async def test_what_a_tablet_kept_while_offline_is_stored_and_pages_nobody(house: House) -> None:
    items = [{"kind": "alert", "message": report(id=f"r-{n}")} for n in (1, 2)]
    await send(house, Post(Kind.BACKLOG, {"id": "b", "ts": "2026-11-22T03:00:00Z", "items": items}))
    assert await house.stored() == ["r-1", "r-2"]
    assert (await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items == ()
    assert [line["verdict"] for line in house.published.receipts()] == ["late", "late"]


async def test_samples_on_a_foreign_access_point_open_a_breach(house: House) -> None:
    for _ in range(4):
        await send(house, Post(Kind.HEARTBEAT, heartbeat(FOREIGN)))
        house.clock.advance(5)
    (alert,) = (await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items
    assert (alert.rule, alert.severity, alert.room_id) == ("breach.access-point", "critical", "101")


@pytest.mark.parametrize("cause", TokenEnd)
async def test_a_token_that_ended_is_no_silence(house: House, cause: TokenEnd) -> None:
    await send(house, Post(Kind.HEARTBEAT, heartbeat()))
    house.queue.ended(HOTEL, TABLET, cause)
    await assert_shut_out(house, cause)


@pytest.mark.parametrize("cause", TokenEnd)
async def test_a_broker_elsewhere_tells_the_end_of_a_token_by_a_message(house: House, cause: TokenEnd) -> None:
    await send(house, Post(Kind.HEARTBEAT, heartbeat()))
    word = {"id": f"{cause}-1795402800000", "ts": START, "cause": cause}
    await send(house, Post(Kind.ENDED, word))
    await send(house, Post(Kind.ENDED, word))  # the broker's own queue delivers at least once
    await assert_shut_out(house, cause)
    assert house.published.on("tab-101/receipt") == []  # it is not the tablet's message


async def test_the_end_of_a_token_of_nobody_we_know_is_nothing(house: House) -> None:
    word = {"id": "expired-1", "ts": START, "cause": "expired"}
    await send(house, Post(Kind.ENDED, word, device="stranger"))
    assert (await house.store.quarantine(HOTEL)).items == ()
    assert await house.store.orphans(HOTEL) == []
    assert house.published.receipts() == []


async def assert_shut_out(house: House, cause: TokenEnd) -> None:
    """It is away, with the reason, for good and not as silent; and one input of the rules says why."""
    await eventually(lambda: house.published.on("tab-101/status")[-1]["link"] == "away")
    assert house.published.on("tab-101/status")[-1]["tokenEnded"] == cause
    house.clock.advance(3600)
    await send(house, Post(Kind.HEARTBEAT, heartbeat("aa:bb:cc:dd:ee:02"), device="tab-102"))
    alerts = (await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items
    assert [alert.rule for alert in alerts] == ["token.expired"] * (cause is TokenEnd.EXPIRED)
    with closing(sqlite3.connect(house.path)) as connection, connection:
        told = connection.execute("select count(*) from message where kind = ?", (cause.value,)).fetchone()
    assert told == (1,)


async def test_the_state_after_a_restart_goes_on_where_it_was(house: House) -> None:
    for _ in range(2):
        await send(house, Post(Kind.HEARTBEAT, heartbeat(FOREIGN)))
        house.clock.advance(6)
    row = await house.store.device(HOTEL, DeviceId(TABLET))
    assert row is not None
    assert row.state.bssid == FOREIGN
    await send(house, Post(Kind.HEARTBEAT, heartbeat(FOREIGN)))
    assert len((await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items) == 1
    assert OWN != FOREIGN


async def test_a_refused_message_is_named_in_the_log_and_its_payload_is_not(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    bad = b'{"id":"m-bad","ts":"2026-11-22T03:00:00Z","rssi":"s3cr3t"}'
    await send(house, *[Post(Kind.HEARTBEAT, bad) for _ in range(100)], Post(Kind.HEARTBEAT, b"\xff\x00"))

    assert [said(record) for record in caplog.records] == [
        ("message refused", {"reason": "invalid", "hotel": HOTEL, "device": TABLET, "message": "m-bad"}),
        ("message refused", {"reason": "malformed", "hotel": HOTEL, "device": TABLET}),
    ]
    assert "s3cr3t" not in caplog.text


async def test_an_alert_is_named_in_the_log_when_it_begins(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="device_bridge"):
        await send(house, Post(Kind.ALERT, report(id="r-1")), Post(Kind.ALERT, report(id="r-2")))

    (alert,) = (await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items
    assert [said(record) for record in caplog.records if record.levelno == logging.INFO] == [
        (
            "alert opened",
            {
                "hotel": HOTEL,
                "device": TABLET,
                "alert": alert.id,
                "rule": str(alert.rule),
                "severity": str(alert.severity),
            },
        )
    ]
