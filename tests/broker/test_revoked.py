"""Whose tokens are void: by generation, each subject for itself, a hotel for everybody in it."""

from datetime import timedelta

import pytest

from broker.claims import Claims
from broker.revoked import Revocations
from broker.tokens import KeyRing, Role, mint_device, mint_integrator, mint_service, mint_user
from rules.ids import DeviceId, HotelId
from rules.revoked import SUSPENDED, Revoked, Subject
from tests.broker.house import NOON, SECRET

KEYS = KeyRing.of(SECRET)
INN, ANNEX = HotelId("inn"), HotelId("annex")


def device(gen: int, *, hotel: HotelId = INN, name: str = "t1") -> Claims:
    return _read(mint_device(KEYS, hotel_id=hotel, device_id=DeviceId(name), gen=gen, now=NOON))


def person(gen: int, *, hotel: HotelId | None = INN, name: str = "t1") -> Claims:
    return _read(mint_user(KEYS, hotel_id=hotel, name=name, role=Role.ADMIN, gen=gen, now=NOON))


def integrator(gen: int, *, hotel: HotelId = INN, name: str = "t1") -> Claims:
    return _read(mint_integrator(KEYS, hotel_id=hotel, name=name, scope=(), gen=gen, now=NOON))


def service() -> Claims:
    return _read(mint_service(KEYS, name="t1", gen=0, now=NOON))


def _read(token: str) -> Claims:
    return KEYS.verify(token, audience="mqtt", now=NOON)


def deed(kind: Subject, gen: int, *, hotel: HotelId | None = INN, name: str = "t1") -> Revoked:
    return Revoked(kind=kind, hotel_id=hotel, name=name, gen=gen, revision=1)


def after(*deeds: Revoked) -> Revocations:
    revocations = Revocations()
    revocations.learn(deeds)
    return revocations


def test_nobody_is_out_before_anything_was_learned() -> None:
    assert not any(Revocations().revokes(claims) for claims in (device(0), person(0), integrator(0), service()))


# Each of these has the same name, so that none can be taken for another.
WHO = {Subject.DEVICE: device, Subject.USER: person, Subject.INTEGRATOR: integrator}


@pytest.mark.parametrize("kind", WHO)
def test_a_deed_voids_the_generations_below_its_own_of_one_subject(kind: Subject) -> None:
    revocations = after(deed(kind, 2, hotel=None if kind is Subject.USER else INN))
    assert {one: [revocations.revokes(who(gen)) for gen in (1, 2, 3)] for one, who in WHO.items()} == {
        one: [one is kind, False, False] for one in WHO
    }
    assert not revocations.revokes(service())


@pytest.mark.parametrize("kind", WHO)
def test_the_subject_of_that_name_in_another_hotel_is_another_unless_it_is_a_person(kind: Subject) -> None:
    revocations = after(deed(kind, 2, hotel=None if kind is Subject.USER else INN))
    assert revocations.revokes(WHO[kind](1, hotel=ANNEX)) is (kind is Subject.USER)


def test_a_person_is_out_without_a_hotel_too() -> None:
    assert after(deed(Subject.USER, 2, hotel=None)).revokes(person(1, hotel=None))


def test_a_tablet_of_a_hotel_called_user_is_no_person() -> None:
    revocations = after(deed(Subject.DEVICE, 2, hotel=HotelId("user"), name="ann"))
    assert not revocations.revokes(person(1, name="ann"))
    assert not after(deed(Subject.USER, 2, hotel=None, name="ann")).revokes(
        device(1, hotel=HotelId("user"), name="ann")
    )


def test_a_suspended_hotel_lets_nobody_in_whatever_the_generation_until_it_is_resumed() -> None:
    suspended = deed(Subject.HOTEL, SUSPENDED, name=INN)
    revocations = after(suspended)
    assert all(revocations.revokes(claims) for claims in (device(7), person(7), integrator(7)))
    assert not any(
        revocations.revokes(claims)
        for claims in (device(7, hotel=ANNEX), person(7, hotel=ANNEX), person(7, hotel=None), service())
    )

    revocations.learn([deed(Subject.HOTEL, 0, name=INN)])
    assert not any(revocations.revokes(claims) for claims in (device(0), person(0), integrator(0)))


def test_of_two_deeds_the_later_holds() -> None:
    revocations = after(deed(Subject.DEVICE, 2), deed(Subject.DEVICE, 3))
    assert revocations.revokes(device(2))
    assert not revocations.revokes(device(3))


def test_a_member_who_may_do_less_is_out_of_that_hotel_alone_and_back_by_a_token_of_later() -> None:
    revocations = after(deed(Subject.USER, int(NOON.timestamp())))
    assert revocations.revokes(person(1))
    assert not any(revocations.revokes(claims) for claims in (person(1, hotel=ANNEX), person(1, hotel=None)))
    assert not any(revocations.revokes(claims) for claims in (person(1, name="t2"), device(1), integrator(1)))

    later = NOON + timedelta(seconds=1)
    token = mint_user(KEYS, hotel_id=INN, name="t1", role=Role.STAFF, gen=1, now=later)
    assert not revocations.revokes(KEYS.verify(token, audience="mqtt", now=later))


def test_who_may_do_less_in_a_hotel_stays_shut_out_by_whatever_shuts_out_the_account() -> None:
    revocations = after(deed(Subject.USER, 2, hotel=None), deed(Subject.USER, int(NOON.timestamp()) - 60))
    assert revocations.revokes(person(1))
    assert not revocations.revokes(person(2))
