"""Who may hold a token: people with memberships, integrators with scopes."""

import pytest

from rules.ids import HotelId, IntegratorName, UserName
from store import INNWATCH, Exists, NotFound, Store
from store.records import MemberRole, Membership
from tests.store.given import HOTEL, NOW, OTHER, add_hotel, later

ANN = UserName("ann")


async def test_an_existing_name_gets_a_further_membership_and_keeps_her_password(store: Store) -> None:
    await add_hotel(store, HOTEL)
    await add_hotel(store, OTHER)
    await store.add_user(HOTEL, ANN, role=MemberRole.STAFF, password_hash="hash-1", by=INNWATCH, now=NOW)

    await store.add_user(
        OTHER, ANN, role=MemberRole.MANAGER, password_hash="hash-2", admin=True, by=INNWATCH, now=later(1)
    )

    account = await store.find_account(ANN)
    assert account is not None
    assert account.password_hash == "hash-1"
    assert not account.admin
    assert account.memberships == (
        Membership(HOTEL, "Hotel seaview", MemberRole.STAFF),
        Membership(OTHER, "Hotel hilltop", MemberRole.MANAGER),
    )


async def test_nobody_is_a_member_of_one_hotel_twice(store: Store) -> None:
    await add_hotel(store)
    await store.add_user(HOTEL, ANN, role=MemberRole.STAFF, password_hash=None, by=INNWATCH, now=NOW)

    with pytest.raises(Exists, match="user ann"):
        await store.add_user(HOTEL, ANN, role=MemberRole.MANAGER, password_hash=None, by=INNWATCH, now=NOW)

    assert await store.members(HOTEL) == ((ANN, MemberRole.STAFF),)


async def test_a_user_of_a_hotel_that_is_not_there_is_not_made(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.add_user(HOTEL, ANN, role=MemberRole.STAFF, password_hash=None, by=INNWATCH, now=NOW)

    assert await store.find_account(ANN) is None


async def test_a_membership_is_of_one_hotel(store: Store) -> None:
    await add_hotel(store, HOTEL)
    await add_hotel(store, OTHER)
    await store.add_user(HOTEL, ANN, role=MemberRole.STAFF, password_hash=None, by=INNWATCH, now=NOW)

    assert await store.membership(HOTEL, ANN) == Membership(HOTEL, "Hotel seaview", MemberRole.STAFF)
    assert await store.membership(OTHER, ANN) is None
    assert await store.membership(HotelId("nowhere"), ANN) is None


async def test_a_password_is_replaced(store: Store) -> None:
    await add_hotel(store)
    await store.add_user(HOTEL, ANN, role=MemberRole.STAFF, password_hash="hash-1", by=INNWATCH, now=NOW)

    await store.set_password(ANN, "hash-2", by=INNWATCH, now=NOW)

    account = await store.find_account(ANN)
    assert account is not None
    assert (account.password_hash, account.gen) == ("hash-2", 2)  # tokens of the first generation are void
    assert "hash-2" not in repr(account)
    with pytest.raises(NotFound):
        await store.set_password(UserName("bob"), "hash", by=INNWATCH, now=NOW)


async def test_an_integrator_belongs_to_one_hotel(store: Store) -> None:
    await add_hotel(store, HOTEL)
    await add_hotel(store, OTHER)
    name = IntegratorName("opera")

    added = await store.add_integrator(HOTEL, name, scopes=["alerts", "pms"], by=INNWATCH, now=NOW)

    assert await store.find_integrator(HOTEL, name) == added
    assert added.scopes == ("alerts", "pms")
    assert await store.find_integrator(OTHER, name) is None
    assert await store.integrators(HOTEL) == (added,)
    with pytest.raises(Exists):
        await store.add_integrator(HOTEL, name, scopes=[], by=INNWATCH, now=NOW)
    with pytest.raises(NotFound):
        await store.add_integrator(HotelId("nowhere"), name, scopes=[], by=INNWATCH, now=NOW)
