"""A hotel's people as the hotel sees them, and what its manager can and cannot do to an account."""

import pytest

from rules.ids import HotelId, UserName
from rules.revoked import Revoked, Subject
from store import INNWATCH, BadCursor, BeyondHotel, NotFound, Store
from store.records import Member, MemberRole
from tests.store.given import HOTEL, NOW, OTHER, add_hotel, later
from tests.support.actors import person

ANN, BOB = UserName("ann"), UserName("bob")
MANAGER = person("mia")


@pytest.fixture
async def inn(store: Store) -> Store:
    """ann belongs to two hotels, bob to one."""
    await add_hotel(store, HOTEL)
    await add_hotel(store, OTHER)
    for hotel_id, name in ((HOTEL, ANN), (OTHER, ANN), (HOTEL, BOB)):
        await store.add_user(
            hotel_id, name, role=MemberRole.MANAGER, password_hash="hash", temporary=True, by=INNWATCH, now=NOW
        )
    return store


async def deeds(store: Store, hotel_id: HotelId = HOTEL) -> list[tuple[str, str, str]]:
    lines = (await store.audit(hotel_id, deed="user.")).items
    return [(line.actor, line.deed, line.subject) for line in lines if line.actor != "innwatch"]


def out_of(hotel_id: HotelId | None, name: str, *, gen: int, revision: int = 1) -> Revoked:
    return Revoked(kind=Subject.USER, hotel_id=hotel_id, name=name, gen=gen, revision=revision)


async def test_a_member_is_shown_without_the_names_of_other_hotels(inn: Store) -> None:
    ann = Member(
        name=ANN, role=MemberRole.MANAGER, admin=False, disabled=False, temporary=True, has_password=True, since=NOW,
        elsewhere=True,
    )  # fmt: skip
    assert await inn.member(HOTEL, ANN) == ann
    assert await inn.member(OTHER, BOB) is None


async def test_members_come_in_order_of_name_page_by_page(inn: Store) -> None:
    first = await inn.members(HOTEL, limit=1)
    rest = await inn.members(HOTEL, limit=1, cursor=first.next)

    assert [one.name for one in first.items + rest.items] == [ANN, BOB]
    assert rest.next is None
    with pytest.raises(BadCursor):
        await inn.members(HOTEL, cursor="x")


async def test_who_may_do_less_is_logged_out_of_that_hotel_and_of_no_other(inn: Store) -> None:
    changed = await inn.change_role(HOTEL, ANN, MemberRole.VIEWER, by=MANAGER, now=later(7.5))

    assert changed.role is MemberRole.VIEWER
    assert (await inn.revoked(0))[1] == (out_of(HOTEL, "ann", gen=int(later(7).timestamp())),)
    account = await inn.find_account(ANN)
    assert account is not None
    assert [(one.hotel_id, one.role, one.void_until) for one in account.memberships] == [
        (HOTEL, MemberRole.VIEWER, later(7)),
        (OTHER, MemberRole.MANAGER, None),
    ]
    assert account.gen == 1
    assert await deeds(inn) == [("mia", "user.role-changed", "ann")]


async def test_who_may_do_more_stays_logged_in(inn: Store) -> None:
    await inn.change_role(HOTEL, BOB, MemberRole.VIEWER, by=MANAGER, now=NOW)
    before = (await inn.revoked(0))[0]

    await inn.change_role(HOTEL, BOB, MemberRole.STAFF, by=MANAGER, now=later(1))
    await inn.change_role(HOTEL, BOB, MemberRole.STAFF, by=MANAGER, now=later(2))

    assert (await inn.revoked(0))[0] == before
    assert len(await deeds(inn)) == 2


async def test_who_leaves_one_of_two_hotels_keeps_the_other_and_the_password(inn: Store) -> None:
    await inn.remove_user(HOTEL, ANN, by=MANAGER, now=NOW)

    account = await inn.find_account(ANN)
    assert account is not None
    assert ([one.hotel_id for one in account.memberships], account.password_hash, account.gen) == ([OTHER], "hash", 1)
    assert (await inn.revoked(0))[1] == (out_of(HOTEL, "ann", gen=int(NOW.timestamp())),)
    assert await deeds(inn) == [("mia", "user.removed", "ann")]
    with pytest.raises(NotFound):
        await inn.remove_user(HOTEL, ANN, by=MANAGER, now=NOW)


async def test_who_leaves_the_last_hotel_has_no_password_for_whoever_gets_the_name_next(inn: Store) -> None:
    await inn.remove_user(HOTEL, BOB, by=MANAGER, now=NOW)
    await inn.add_user(OTHER, BOB, role=MemberRole.STAFF, password_hash=None, by=INNWATCH, now=later(1))

    account = await inn.find_account(BOB)
    assert account is not None
    assert (account.password_hash, account.gen) == (None, 2)
    assert (await inn.revoked(0))[1] == (out_of(None, "bob", gen=2),)


async def test_who_comes_back_to_a_hotel_does_not_by_the_tokens_of_before(inn: Store) -> None:
    await inn.remove_user(HOTEL, ANN, by=MANAGER, now=NOW)
    await inn.add_user(HOTEL, ANN, role=MemberRole.VIEWER, password_hash=None, by=INNWATCH, now=later(5))

    membership = await inn.membership(HOTEL, ANN)
    assert membership is not None
    assert membership.void_until == NOW


async def test_an_administrator_loses_a_membership_and_nothing_else(inn: Store) -> None:
    root = UserName("root")
    await inn.add_user(HOTEL, root, role=MemberRole.MANAGER, password_hash="hash", admin=True, by=INNWATCH, now=NOW)
    await inn.change_role(HOTEL, root, MemberRole.VIEWER, by=MANAGER, now=NOW)
    await inn.remove_user(HOTEL, root, by=MANAGER, now=NOW)

    account = await inn.find_account(root)
    assert account is not None
    assert (account.password_hash, account.gen) == ("hash", 1)
    assert (await inn.revoked(0))[1] == ()


async def test_a_member_of_this_hotel_alone_is_disabled_and_enabled_by_it(inn: Store) -> None:
    assert await inn.disable_member(HOTEL, BOB, by=MANAGER, now=NOW)
    assert not await inn.disable_member(HOTEL, BOB, by=MANAGER, now=NOW)
    assert await inn.enable_member(HOTEL, BOB, by=MANAGER, now=NOW)

    assert await deeds(inn) == [("mia", "user.enabled", "bob"), ("mia", "user.disabled", "bob")]


@pytest.mark.parametrize("verb", ["disable_member", "enable_member", "make_member_link"])
async def test_an_account_that_is_more_than_this_hotels_is_beyond_it(inn: Store, verb: str) -> None:
    await inn.add_user(
        HOTEL, UserName("root"), role=MemberRole.VIEWER, password_hash="hash", admin=True, by=INNWATCH, now=NOW
    )

    with pytest.raises(BeyondHotel, match="ann belongs to other hotels too"):
        await getattr(inn, verb)(HOTEL, ANN, by=MANAGER, now=NOW)
    with pytest.raises(BeyondHotel, match="root is an administrator"):
        await getattr(inn, verb)(HOTEL, UserName("root"), by=MANAGER, now=NOW)
    assert (await inn.revoked(0))[1] == ()
