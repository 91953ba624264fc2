"""Integrators: of one hotel each, with scopes that can be changed, gone for good when they are."""

import pytest

from rules.ids import HotelId, IntegratorName
from rules.revoked import Revoked, Subject
from store import INNWATCH, Exists, NotFound, Store
from tests.store.given import HOTEL, NOW, OTHER, add_hotel

OPERA = IntegratorName("opera")


@pytest.fixture
async def inn(store: Store) -> Store:
    await add_hotel(store, HOTEL)
    await add_hotel(store, OTHER)
    await store.add_integrator(HOTEL, OPERA, scopes=["alerts", "pms"], by=INNWATCH, now=NOW)
    return store


def void_below(gen: int, revision: int) -> Revoked:
    return Revoked(kind=Subject.INTEGRATOR, hotel_id=HOTEL, name="opera", gen=gen, revision=revision)


async def test_an_integrator_belongs_to_one_hotel(inn: Store) -> None:
    (added,) = await inn.integrators(HOTEL)

    assert await inn.find_integrator(HOTEL, OPERA) == added
    assert added.scopes == ("alerts", "pms")
    assert await inn.find_integrator(OTHER, OPERA) is None
    with pytest.raises(Exists):
        await inn.add_integrator(HOTEL, OPERA, scopes=[], by=INNWATCH, now=NOW)
    with pytest.raises(NotFound):
        await inn.add_integrator(HotelId("nowhere"), OPERA, scopes=[], by=INNWATCH, now=NOW)


async def test_other_scopes_void_the_tokens_that_have_the_old_ones(inn: Store) -> None:
    changed = await inn.change_scopes(HOTEL, OPERA, ["rooms"], by=INNWATCH, now=NOW)

    assert (changed.scopes, changed.gen) == (("rooms",), 2)
    assert await inn.find_integrator(HOTEL, OPERA) == changed
    assert (await inn.revoked(0))[1] == (void_below(2, 1),)


async def test_the_tokens_of_one_that_was_removed_are_void_for_whoever_gets_the_name_next(inn: Store) -> None:
    await inn.revoke_integrator(HOTEL, OPERA, by=INNWATCH, now=NOW)
    await inn.remove_integrator(HOTEL, OPERA, by=INNWATCH, now=NOW)
    assert await inn.integrators(HOTEL) == ()

    again = await inn.add_integrator(HOTEL, OPERA, scopes=[], by=INNWATCH, now=NOW)

    assert again.gen == 3
    assert (await inn.revoked(0))[1] == (void_below(3, 2),)
    assert [line.deed for line in (await inn.audit(HOTEL, deed="integrator.")).items] == [
        "integrator.added",
        "integrator.removed",
        "integrator.revoked",
        "integrator.added",
    ]
