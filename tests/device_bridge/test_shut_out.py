"""Tablets that we shut out ourselves are not silent, whether or not they had a connection that could be ended."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from broker.topics import Kind
from device_bridge.queue import Began, Ended
from rules.alerts import AlertStatus
from rules.ids import DeviceId
from rules.messages import TokenEnd
from rules.state import LinkState
from store import INNWATCH
from tests.device_bridge.given import HOTEL, TABLET, House, Post, heartbeat
from tests.device_bridge.test_intake import send
from tests.support import eventually

OTHER = DeviceId("tab-102")


async def shut_out(house: House, deed: str) -> None:
    house.clock.advance(1)
    if deed == "revoked":
        await house.store.revoke_device(HOTEL, TABLET, by=INNWATCH, now=house.clock.at)
    else:
        await house.store.suspend_hotel(HOTEL, by=INNWATCH, now=house.clock.at)


async def beat(house: House, device: DeviceId = TABLET, rssi: float = -55) -> None:
    bssid = f"aa:bb:cc:dd:ee:{int(device[-3:]) - 100:02}"
    await send(house, Post(Kind.HEARTBEAT, heartbeat(bssid, rssi=rssi, ts=house.clock.at), device=device))


async def link_of(house: House, device: DeviceId = TABLET) -> tuple[LinkState, TokenEnd | None]:
    row = await house.store.device(HOTEL, device)
    assert row is not None
    return row.state.link, row.state.silence.token_ended


async def is_away(house: House) -> bool:
    return await link_of(house) == (LinkState.AWAY, TokenEnd.REVOKED)


@pytest.mark.parametrize("deed", ["revoked", "suspended"])
async def test_a_tablet_that_was_not_connected_when_it_was_shut_out_is_never_silent(house: House, deed: str) -> None:
    await beat(house)
    await shut_out(house, deed)
    await eventually(lambda: is_away(house))
    house.clock.advance(3600)
    await beat(house, OTHER)
    assert (await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items == ()


async def test_another_tablet_of_the_hotel_is_judged_as_ever(house: House) -> None:
    await beat(house)
    await beat(house, OTHER)
    await shut_out(house, "revoked")
    await eventually(lambda: is_away(house))
    house.clock.advance(120)
    (alert,) = await eventually(lambda: house.store.open_alerts(HOTEL))
    assert (alert.device_id, await is_away(house)) == (OTHER, True)


@pytest.mark.parametrize("deed", ["revoked", "suspended"])
@pytest.mark.parametrize(("heard_after", "excused"), [(-1, True), (2, True), (8, False)])
async def test_a_tablet_that_was_shut_out_while_the_bridge_was_down_is_not_silent_either(
    tmp_path: Path, deed: str, heard_after: float, excused: bool
) -> None:
    """Unless it was heard so long after the deed that it must have come back."""
    house = House(tmp_path / "innwatch.db")
    await house.open()
    running = asyncio.ensure_future(house.bridge.run())
    await beat(house)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    house.clock.advance(-heard_after - 1)
    await shut_out(house, deed)
    await house.store.close()
    restarted = House(house.path)
    restarted.clock.at = house.clock.at
    await restarted.open()
    restarted.queue.put(Began(restarted.clock.at))
    said = [(type(item), getattr(item, "device_id", None)) for item in await restarted.queue.take(9)]
    assert said == [*([(Ended, TABLET)] if excused else []), (Began, None)]
    await restarted.store.close()


async def test_it_is_said_once(house: House) -> None:
    await beat(house)
    await shut_out(house, "revoked")
    await eventually(lambda: is_away(house))
    await house.bridge._fleet.refresh()
    assert house.bridge._fleet.tidings.news.shut_out == ()
    restarted = House(house.path)
    restarted.clock.at = house.clock.at
    await restarted.open()
    assert len(restarted.queue) == 0
    await restarted.store.close()


async def test_a_tablet_that_came_back_with_a_new_token_is_judged_again(house: House) -> None:
    await beat(house)
    await shut_out(house, "revoked")
    await eventually(lambda: is_away(house))
    house.clock.advance(5)
    await beat(house)
    assert await link_of(house) == (LinkState.ONLINE, None)
    house.clock.advance(120)
    (alert,) = await eventually(lambda: house.store.open_alerts(HOTEL))
    assert alert.device_id == TABLET


async def test_an_alert_that_was_open_stays_open(house: House) -> None:
    await beat(house)
    house.clock.advance(120)
    (before,) = await eventually(lambda: house.store.open_alerts(HOTEL))
    await shut_out(house, "suspended")
    await eventually(lambda: is_away(house))
    assert [alert.id for alert in await house.store.open_alerts(HOTEL)] == [before.id]
