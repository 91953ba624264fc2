"""Shutting out devices, people, integrators and hotels, and telling a broker of it."""

import asyncio

import pytest

from rules.ids import DeviceId, HotelId, IntegratorName, UserName
from rules.revoked import SUSPENDED, Revoked, Subject
from store import INNWATCH, NotFound, Store
from store.records import MemberRole
from tests.store.given import HOTEL, NOW, OTHER, add_hotel, later

TAB, ANN, OPERA = DeviceId("tab-0"), UserName("ann"), IntegratorName("opera")


@pytest.fixture
async def inn(store: Store) -> Store:
    await add_hotel(store)
    await store.add_user(HOTEL, ANN, role=MemberRole.STAFF, password_hash="hash", by=INNWATCH, now=NOW)
    await store.add_integrator(HOTEL, OPERA, scopes=["pms"], by=INNWATCH, now=NOW)
    return store


def deed(kind: Subject, name: str, gen: int, revision: int, *, hotel_id: HotelId | None = HOTEL) -> Revoked:
    return Revoked(kind=kind, hotel_id=hotel_id, name=name, gen=gen, revision=revision)


async def test_nobody_is_shut_out_of_a_new_installation(inn: Store) -> None:
    assert await inn.revoked(0) == (0, ())


async def test_each_deed_raises_a_generation_and_tells_it_once(inn: Store) -> None:
    device = await inn.revoke_device(HOTEL, TAB, by=INNWATCH, now=later(1))
    integrator = await inn.revoke_integrator(HOTEL, OPERA, by=INNWATCH, now=later(2))
    assert await inn.disable_user(ANN, by=INNWATCH, now=later(3))
    assert await inn.suspend_hotel(HOTEL, by=INNWATCH, now=later(4))

    account = await inn.find_account(ANN)
    assert account is not None
    assert (device.gen, integrator.gen, account.gen, account.disabled) == (2, 2, 2, True)
    assert device.revoked_at == later(1)
    assert await inn.revoked(0) == (
        4,
        (
            deed(Subject.DEVICE, TAB, 2, 1),
            deed(Subject.INTEGRATOR, OPERA, 2, 2),
            deed(Subject.USER, ANN, 2, 3, hotel_id=None),
            deed(Subject.HOTEL, HOTEL, SUSPENDED, 4),
        ),
    )
    assert await inn.revoked(3) == (4, (deed(Subject.HOTEL, HOTEL, SUSPENDED, 4),))
    assert await inn.revoked(4) == (4, ())


async def test_a_later_deed_takes_the_place_of_the_earlier_and_is_news(inn: Store) -> None:
    await inn.revoke_device(HOTEL, TAB, by=INNWATCH, now=later(1))
    await inn.suspend_hotel(HOTEL, by=INNWATCH, now=later(2))
    await inn.revoke_device(HOTEL, TAB, by=INNWATCH, now=later(3))

    assert await inn.revoked(2) == (3, (deed(Subject.DEVICE, TAB, 3, 3),))
    assert [one.revision for one in (await inn.revoked(0))[1]] == [2, 3]


async def test_a_suspended_hotel_is_resumed(inn: Store) -> None:
    assert not await inn.resume_hotel(HOTEL, by=INNWATCH, now=NOW)
    await inn.suspend_hotel(HOTEL, by=INNWATCH, now=later(1))
    assert not await inn.suspend_hotel(HOTEL, by=INNWATCH, now=later(2))
    assert (await inn.hotel(HOTEL)).suspended_at == later(1)

    assert await inn.resume_hotel(HOTEL, by=INNWATCH, now=later(3))
    assert (await inn.hotel(HOTEL)).suspended_at is None
    assert await inn.revoked(1) == (2, (deed(Subject.HOTEL, HOTEL, 0, 2),))


async def test_a_disabled_person_is_enabled_and_the_old_tokens_stay_void(inn: Store) -> None:
    assert not await inn.enable_user(ANN, by=INNWATCH, now=NOW)
    assert await inn.disable_user(ANN, by=INNWATCH, now=NOW)
    assert not await inn.disable_user(ANN, by=INNWATCH, now=NOW)
    assert await inn.membership(HOTEL, ANN) is None

    assert await inn.enable_user(ANN, by=INNWATCH, now=NOW)
    account = await inn.find_account(ANN)
    assert account is not None
    assert (account.gen, account.disabled) == (2, False)
    assert await inn.revoked(0) == (1, (deed(Subject.USER, ANN, 2, 1, hotel_id=None),))


async def test_a_new_password_shuts_out_who_knew_the_old_one(inn: Store) -> None:
    await inn.set_password(ANN, "hash-2", by=INNWATCH, now=NOW)

    assert await inn.revoked(0) == (1, (deed(Subject.USER, ANN, 2, 1, hotel_id=None),))


async def test_what_changes_for_the_bridge_raises_the_hotels_revision(inn: Store) -> None:
    before = (await inn.revisions())[HOTEL]
    await inn.revoke_device(HOTEL, TAB, by=INNWATCH, now=NOW)
    await inn.suspend_hotel(HOTEL, by=INNWATCH, now=NOW)
    assert (await inn.revisions())[HOTEL] == before + 2


async def test_whoever_waits_is_woken(inn: Store) -> None:
    with inn._database._doorbell.listen() as bell:
        await inn.revoke_integrator(HOTEL, OPERA, by=INNWATCH, now=NOW)
        async with asyncio.timeout(5):
            await bell.wait(60)


async def test_who_is_not_there_cannot_be_shut_out_and_nothing_is_told(inn: Store) -> None:
    await add_hotel(inn, OTHER)
    nowhere, nobody = HotelId("nowhere"), UserName("nobody")
    for refused in (
        inn.revoke_device(HOTEL, DeviceId("tab-9"), by=INNWATCH, now=NOW),
        inn.revoke_device(nowhere, TAB, by=INNWATCH, now=NOW),
        inn.revoke_integrator(OTHER, OPERA, by=INNWATCH, now=NOW),
        inn.suspend_hotel(nowhere, by=INNWATCH, now=NOW),
        inn.resume_hotel(nowhere, by=INNWATCH, now=NOW),
        inn.disable_user(nobody, by=INNWATCH, now=NOW),
        inn.enable_user(nobody, by=INNWATCH, now=NOW),
    ):
        with pytest.raises(NotFound):
            await refused
    assert await inn.revoked(0) == (0, ())
