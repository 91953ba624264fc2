"""A tablet that asks gets a new token of its own generation, and nobody else's; its dates are stored with it."""

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from broker.claims import Claims, TokenType
from broker.topics import Kind
from device_bridge.queue import Ended
from rules.alerts import OpenAlert, Rule, Severity
from rules.ids import DeviceId
from rules.messages import TokenEnd
from store.audit import INNWATCH, Deed
from tests.device_bridge.given import HOTEL, LIFE, START, TABLET, House, Post, beside, heartbeat
from tests.device_bridge.test_intake import send
from tests.support import eventually

OTHER = DeviceId("tab-102")


def renew(number: int = 1, *, device: str = TABLET, **fields: object) -> Post:
    return Post(Kind.RENEW, {"id": f"renew-{number}", "ts": START} | fields, device=device)


def claims(house: House, message: dict[str, str]) -> Claims:
    assert house.keys is not None
    return house.keys.verify(message["token"], audience="mqtt", now=house.clock.at)


async def token_alert(house: House) -> OpenAlert | None:
    row = await house.store.device(HOTEL, TABLET)
    assert row is not None
    return next((alert for alert in row.state.alerts.values() if alert.family == "token"), None)


async def test_whoever_asks_gets_a_token_of_its_own_on_its_own_topic(house: House) -> None:
    await send(house, renew())
    (message,) = house.published.on(f"devices/{TABLET}/token")
    assert {key: value for key, value in message.items() if key != "token"} == {
        "for": "renew-1",
        "type": "device",
        "expiresAt": "2026-12-22T03:00:00Z",
        "expiresIn": 30 * 24 * 3600,
    }
    said = claims(house, message)
    assert (said.type, said.sub, said.gen) == (TokenType.DEVICE, f"{HOTEL}/{TABLET}", 1)
    assert said.exp - house.clock.at == LIFE
    assert [retained for topic, _, retained in house.published.messages if topic.endswith("/token")] == [False]


async def test_it_is_noted_with_its_dates_and_in_the_audit_without_itself(house: House) -> None:
    await send(house, renew())
    device = await house.store.find_device(HOTEL, TABLET)
    assert device is not None
    assert (device.token_issued_at, device.token_expires_at) == (START, START + LIFE)
    (line,) = (await house.store.audit(HOTEL, deed=Deed.TOKEN_MINTED)).items
    assert (line.actor_kind, line.actor, line.subject) == ("device", TABLET, TABLET)
    token = house.published.on("/token")[0]["token"]
    with closing(sqlite3.connect(house.path)) as database, database:
        everything = "".join(database.iterdump())
    assert token not in everything


async def test_it_keeps_the_generation_and_the_old_one_stays_good(house: House) -> None:
    await send(house, renew())
    house.clock.advance(3600)
    await send(house, renew(2))
    first, second = (claims(house, message) for message in house.published.on("/token"))
    assert first.gen == second.gen
    assert first.jti != second.jti


async def test_who_was_revoked_long_ago_and_came_back_gets_one_of_the_new_generation(house: House) -> None:
    await house.store.revoke_device(HOTEL, TABLET, by=INNWATCH, now=house.clock.at)
    house.clock.advance(61)
    await house.bridge._fleet.refresh()
    await send(house, renew())
    assert claims(house, house.published.on("/token")[0]).gen == 2


async def test_a_connection_that_is_about_to_be_closed_gets_nothing(house: House) -> None:
    """Or a stolen tablet could trade its voided token for a good one before the broker knows."""
    house.clock.advance(1)
    await house.store.revoke_device(HOTEL, TABLET, by=INNWATCH, now=house.clock.at)
    await house.bridge._fleet.refresh()
    house.clock.advance(59)
    await send(house, renew())
    assert house.published.on("/token") == []
    assert house.published.receipts()[0]["reason"] == "too-soon"


async def test_what_is_minted_before_the_bridge_knows_of_a_revocation_is_void_with_the_rest(house: House) -> None:
    """The generation is the one that the bridge knows, so it is the old one."""
    refresh = house.bridge._fleet.refresh
    house.bridge._fleet.refresh = _nothing  # type: ignore[method-assign]
    await house.store.revoke_device(HOTEL, TABLET, by=INNWATCH, now=house.clock.at)
    await send(house, renew())
    house.bridge._fleet.refresh = refresh  # type: ignore[method-assign]
    assert claims(house, house.published.on("/token")[0]).gen == 1
    device = await house.store.find_device(HOTEL, TABLET)
    assert device is not None
    assert (device.gen, device.token_issued_at) == (2, None)


async def _nothing() -> None:
    return


async def test_asking_again_at_once_is_refused_and_a_while_later_it_is_not(house: House) -> None:
    """A token that is lost on its way is asked for anew; a flood of questions mints nothing."""
    await send(house, renew(1), renew(2))
    assert len(house.published.on("/token")) == 1
    assert [(line["id"], line["reason"]) for line in house.published.receipts()] == [("renew-2", "too-soon")]
    house.clock.advance(10)
    await send(house, renew(3))
    assert [message["for"] for message in house.published.on("/token")] == ["renew-1", "renew-3"]


async def test_a_stranger_and_a_spoof_get_nothing(house: House) -> None:
    await send(house, renew(1, device="tab-999"), renew(2, deviceId=OTHER), renew(3, hotelId="annex"))
    assert house.published.on("/token") == []
    assert [line["reason"] for line in house.published.receipts()] == ["unknown-device", "spoofed", "spoofed"]


async def test_a_question_in_a_backlog_is_none(house: House) -> None:
    body = {"id": "b-1", "ts": START, "items": [{"kind": "renew", "message": {"id": "renew-1", "ts": START}}]}
    await send(house, Post(Kind.BACKLOG, body))
    assert house.published.on("/token") == []
    assert house.published.receipts()[0]["reason"] == "unsupported"


async def test_asking_is_a_sign_of_life(house: House) -> None:
    await send(house, Post(Kind.HEARTBEAT, heartbeat()))
    house.clock.advance(15)
    await send(house, renew())
    house.clock.advance(15)
    await send(house, Post(Kind.HEARTBEAT, heartbeat("aa:bb:cc:dd:ee:02"), device=OTHER))
    assert await house.store.open_alerts(HOTEL) == []


async def test_behind_a_broker_that_is_not_ours_nobody_is_given_a_token(tmp_path: Path) -> None:
    house = House(tmp_path / "innwatch.db")
    house.keys = None
    await house.open()
    async with beside(house.bridge.run()):
        await send(house, renew())
    await house.store.close()
    assert house.published.on("/token") == []
    assert house.published.receipts()[0]["reason"] == "unsupported"


async def test_a_token_that_is_not_renewed_opens_an_alert_and_a_renewal_ends_it(house: House) -> None:
    await send(house, Post(Kind.HEARTBEAT, heartbeat()), renew())
    house.clock.advance(LIFE.total_seconds() * 0.85 + 1)
    alert = await eventually(lambda: token_alert(house))
    assert alert is not None
    assert (alert.rule, alert.opened_at) == (Rule.TOKEN_EXPIRING, START + 0.85 * LIFE)
    await send(house, renew(2))
    assert await token_alert(house) is None


async def test_a_token_that_somebody_else_noted_is_watched_too(house: House) -> None:
    """Minted at enrolment, at the command line or over HTTP: the bridge reads of it in the tablet's row."""
    await send(house, Post(Kind.HEARTBEAT, heartbeat()))
    house.execute("update device set token_issued_at = added_at, token_expires_at = added_at + 1000000000")
    house.execute("update hotel set revision = revision + 1")
    await eventually(lambda: _knows_of(house, START + timedelta(seconds=1000)))
    house.clock.advance(1001)
    await eventually(lambda: _is_open(house, Rule.TOKEN_EXPIRED, Severity.MEDIUM))


async def _is_open(house: House, rule: Rule, severity: Severity) -> bool:
    alert = await token_alert(house)
    return alert is not None and (alert.rule, alert.severity) == (rule, severity)


async def _knows_of(house: House, expires_at: datetime) -> bool:
    row = await house.store.device(HOTEL, TABLET)
    return row is not None and row.state.token.expires_at == expires_at


async def test_the_dates_are_read_once(house: House) -> None:
    await send(house, renew())
    await house.bridge._fleet.refresh()
    assert house.bridge._fleet.tidings.news.tokens == ()
    again = House(house.path)
    again.clock.at = house.clock.at
    await again.open()
    assert again.bridge._fleet.tidings.news.tokens == ()
    await again.store.close()


@pytest.mark.parametrize(("cause", "opens"), [(TokenEnd.EXPIRED, True), (TokenEnd.REVOKED, False)])
async def test_a_tablet_that_was_put_out_is_told_of_as_expired_and_never_as_silent(
    house: House, cause: TokenEnd, *, opens: bool
) -> None:
    await send(house, Post(Kind.HEARTBEAT, heartbeat()))
    house.queue.put(Ended(HOTEL, TABLET, cause, house.clock.at))
    house.clock.advance(3600)
    await send(house, Post(Kind.HEARTBEAT, heartbeat("aa:bb:cc:dd:ee:02"), device=OTHER))
    rules = [alert.rule for alert in await house.store.open_alerts(HOTEL)]
    assert rules == ([Rule.TOKEN_EXPIRED] if opens else [])
