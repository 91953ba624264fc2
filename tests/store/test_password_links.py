"""Links by which a person chooses a password: once, for a day, and for nobody who got them for something else."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from rules.ids import UserName
from store import INNWATCH, LinkRefused, LinkTrouble, NotFound, Store
from store.records import MemberRole
from tests.store.given import HOTEL, NOW, OTHER, add_hotel, later
from tests.support.actors import person

ANN = UserName("ann")
ByHand = Callable[[str], str]
DAY = 86_400


@pytest.fixture
async def inn(store: Store) -> Store:
    await add_hotel(store, HOTEL)
    await add_hotel(store, OTHER)
    await store.add_user(HOTEL, ANN, role=MemberRole.STAFF, password_hash="hash-1", by=INNWATCH, now=NOW)
    return store


async def why_not(store: Store, secret: str, *, seconds: float = 1) -> LinkTrouble | None:
    try:
        await store.password_link(secret, now=later(seconds))
    except LinkRefused as refused:
        return refused.why
    return None


async def test_a_link_sets_the_password_once_and_voids_what_the_person_was_logged_in_by(inn: Store) -> None:
    link = await inn.make_password_link(ANN, by=person("mia"), now=NOW)
    assert await inn.password_link(link.secret, now=NOW) == link

    account = await inn.use_password_link(link.secret, "hash-2", by=person("ann"), now=later(1))

    assert (account.password_hash, account.temporary, account.gen) == ("hash-2", False, 2)
    assert await why_not(inn, link.secret) is LinkTrouble.USED
    with pytest.raises(LinkRefused):
        await inn.use_password_link(link.secret, "hash-3", by=person("ann"), now=later(2))
    assert [(one.name, one.gen) for one in (await inn.revoked(0))[1]] == [("ann", 2)]


async def test_of_two_who_use_a_link_at_once_one_is_refused(inn: Store) -> None:
    link = await inn.make_password_link(ANN, by=INNWATCH, now=NOW)

    ended = await asyncio.gather(
        *(inn.use_password_link(link.secret, f"hash-{n}", by=person("ann"), now=NOW) for n in (2, 3)),
        return_exceptions=True,
    )

    assert [type(one) for one in ended].count(LinkRefused) == 1


async def test_a_link_expires_after_a_day(inn: Store) -> None:
    link = await inn.make_password_link(ANN, by=INNWATCH, now=NOW)

    assert await why_not(inn, link.secret, seconds=DAY - 1) is None
    assert await why_not(inn, link.secret, seconds=DAY) is LinkTrouble.EXPIRED


async def test_a_link_is_in_no_text_and_not_in_the_database(inn: Store, by_hand: ByHand) -> None:
    link = await inn.make_password_link(ANN, by=INNWATCH, now=NOW)

    assert link.secret not in repr(link)
    assert link.secret not in by_hand("SELECT * FROM password_link")
    assert "ann" in by_hand("SELECT * FROM password_link")
    assert link.secret not in str((await inn.platform_audit()).items)


async def test_who_made_a_link_stands_in_the_audit(inn: Store) -> None:
    await inn.make_member_link(HOTEL, ANN, by=person("mia"), now=NOW)
    link = await inn.make_password_link(ANN, by=person("root"), now=NOW)
    await inn.use_password_link(link.secret, "hash-2", by=person("ann"), now=NOW)

    hotels = (await inn.audit(HOTEL, deed="password.")).items
    ours = (await inn.platform_audit(deed="password.")).items
    assert [(line.actor, line.deed, line.subject) for line in hotels] == [("mia", "password.link-made", "ann")]
    assert [(line.actor, line.deed, line.subject) for line in ours] == [
        ("ann", "password.changed", "ann"),
        ("root", "password.link-made", "ann"),
    ]


# What changes what the account is worth, so that a link which was made before opens nothing.
CHANGES: dict[str, Callable[[Store], Awaitable[object]]] = {
    "another link": lambda store: store.make_password_link(ANN, by=INNWATCH, now=NOW),
    "a password": lambda store: store.set_password(ANN, "hash-9", by=INNWATCH, now=NOW),
    "a password of her own": lambda store: store.choose_password(ANN, "hash-9", gen=1, by=person("ann"), now=NOW),
    "a further hotel": lambda store: store.add_user(
        OTHER, ANN, role=MemberRole.MANAGER, password_hash=None, by=INNWATCH, now=NOW
    ),
    "disabled": lambda store: store.disable_user(ANN, by=INNWATCH, now=NOW),
    "removed": lambda store: store.remove_user(HOTEL, ANN, by=INNWATCH, now=NOW),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_link_is_void_once_the_account_is_another(inn: Store, change: str) -> None:
    link = await inn.make_member_link(HOTEL, ANN, by=INNWATCH, now=NOW)

    await CHANGES[change](inn)

    assert await why_not(inn, link.secret) is LinkTrouble.UNKNOWN
    with pytest.raises(LinkRefused):
        await inn.use_password_link(link.secret, "hash-2", by=person("ann"), now=later(1))


async def test_who_is_disabled_or_not_there_gets_no_link(inn: Store) -> None:
    await inn.disable_user(ANN, by=INNWATCH, now=NOW)

    for name in (ANN, UserName("nobody")):
        with pytest.raises(NotFound):
            await inn.make_password_link(name, by=INNWATCH, now=NOW)
    assert await why_not(inn, "made up") is LinkTrouble.UNKNOWN
