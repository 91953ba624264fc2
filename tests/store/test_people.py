"""Accounts: memberships, passwords, and what voids a log-in."""

import pytest

from rules.ids import HotelId, UserName
from store import INNWATCH, Exists, NotFound, Store
from store.records import MemberRole, Membership
from tests.store.given import HOTEL, NOW, OTHER, add_hotel, later
from tests.support.actors import person

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

    assert [(one.name, one.role) for one in (await store.members(HOTEL)).items] == [(ANN, MemberRole.STAFF)]


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


async def test_a_password_that_somebody_else_has_chosen_is_temporary(store: Store) -> None:
    await add_hotel(store)
    await store.add_user(HOTEL, ANN, role=MemberRole.STAFF, password_hash="hash-1", by=INNWATCH, now=NOW)

    await store.set_password(ANN, "hash-2", by=INNWATCH, now=NOW)

    account = await store.find_account(ANN)
    assert account is not None
    assert (account.password_hash, account.gen, account.temporary) == ("hash-2", 2, True)
    assert "hash-2" not in repr(account)
    with pytest.raises(NotFound):
        await store.set_password(UserName("bob"), "hash", by=INNWATCH, now=NOW)


async def test_a_password_of_ones_own_is_not_and_voids_what_one_was_logged_in_by(store: Store) -> None:
    await add_hotel(store)
    await store.add_user(
        HOTEL, ANN, role=MemberRole.STAFF, password_hash="hash-1", temporary=True, by=INNWATCH, now=NOW
    )

    changed = await store.choose_password(ANN, "hash-2", gen=1, by=person("ann"), now=NOW)

    assert changed == await store.find_account(ANN)
    assert (changed.password_hash, changed.gen, changed.temporary) == ("hash-2", 2, False)
    assert [(one.name, one.gen) for one in (await store.revoked(0))[1]] == [("ann", 2)]


async def test_a_choice_comes_too_late_when_the_account_was_changed_since_the_old_password_was_proved(
    store: Store,
) -> None:
    await add_hotel(store)
    await store.add_user(HOTEL, ANN, role=MemberRole.STAFF, password_hash="hash-1", by=INNWATCH, now=NOW)
    await store.set_password(ANN, "hash-2", by=INNWATCH, now=NOW)

    with pytest.raises(NotFound):
        await store.choose_password(ANN, "hash-3", gen=1, by=person("ann"), now=NOW)
    await store.disable_user(ANN, by=INNWATCH, now=NOW)
    with pytest.raises(NotFound):
        await store.choose_password(ANN, "hash-3", gen=3, by=person("ann"), now=NOW)

    account = await store.find_account(ANN)
    assert account is not None
    assert account.password_hash == "hash-2"
