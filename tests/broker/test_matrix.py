"""The access matrix again, this time with clients on sockets: what the table says is what the broker does."""

import asyncio

import pytest

from broker.tokens import Role
from broker.topics import BRIDGE_INBOUND, MAY_RETAIN, Kind
from tests.broker.house import House, Openings
from tests.broker.matrix import COLUMNS, letters, subjects, topic_of
from tests.broker.raw import RawClient, Ticket, Will
from tests.support import eventually

HOTELS = ("h1", "h2")
SORTS = [column for column in COLUMNS if column != "enrol"]  # which cannot even connect
TARGETS = [(kind, hotel, own) for kind in Kind for hotel in HOTELS for own in (True, False)]


both_hotels = pytest.mark.parametrize("home", HOTELS)


def ticket(house: House, column: str, *, home: str = "h1") -> Ticket:
    if column == "device":
        return house.device(hotel=home)
    if column == "service":
        return house.service()
    if column in set(Role):
        return house.person(role=Role(column), hotel=home)
    if column == "hotel-less":
        return house.person(hotel=None, role=Role.ADMIN)
    return house.integrator(*([] if column == "int" else [column]), hotel=home)


def topic(kind: Kind, hotel: str, own: bool) -> str:
    return topic_of(kind, hotel=hotel, subject=subjects(kind)[0 if own else 1])


def expected(kind: Kind, column: str, letter: str, *, hotel: str, own: bool, home: str) -> bool:
    cell = letters(kind, column)
    if kind in {Kind.EVENTS, Kind.MONITOR}:
        own = True
    if kind is Kind.PLATFORM_MONITOR:
        return letter.upper() in cell
    reachable = hotel == home or column == "service"
    return reachable and (letter.upper() in cell or (own and letter in cell))


def wanted(column: str, letter: str, *, home: str = "h1") -> dict[str, bool]:
    return {
        topic(kind, hotel, own): expected(kind, column, letter, hotel=hotel, own=own, home=home)
        for kind, hotel, own in TARGETS
    }


async def acknowledged(client: RawClient, name: str, *, retain: bool) -> bool:
    """Publish; an answer is a PUBACK, an end is a refusal."""
    try:
        await client.publish(name, b"x", packet_id=2, retain=retain)
        await client.expect_puback(2)
    except (asyncio.IncompleteReadError, ConnectionError):
        return False
    return True


@both_hotels
@pytest.mark.parametrize("column", SORTS)
async def test_publish(house: House, column: str, home: str) -> None:
    got = {}
    for target in TARGETS:
        client = await house.connect(ticket(house, column, home=home))
        got[topic(*target)] = await acknowledged(client, topic(*target), retain=False)
    assert got == wanted(column, "p", home=home)


@pytest.mark.parametrize("column", SORTS)
async def test_publish_retained(house: House, column: str) -> None:
    got = {}
    for target in TARGETS:
        client = await house.connect(ticket(house, column))
        got[topic(*target)] = await acknowledged(client, topic(*target), retain=True)
    # What the bridge consumes is acknowledged although RETAIN is set, since it is the bridge that refuses it.
    may_retain = {topic(*target) for target in TARGETS if target[0] in MAY_RETAIN | BRIDGE_INBOUND}
    assert got == {name: allowed and name in may_retain for name, allowed in wanted(column, "p").items()}


@both_hotels
@pytest.mark.parametrize("column", SORTS)
async def test_subscribe(house: House, column: str, home: str) -> None:
    client = await house.connect(ticket(house, column, home=home))
    names = list(wanted(column, "r"))
    codes = await client.subscribe(*names)
    assert {name: code == 1 for name, code in zip(names, codes, strict=True)} == wanted(column, "r", home=home)


@both_hotels
@pytest.mark.parametrize("column", SORTS)
async def test_connect_as_somebody_of_another_hotel(open_house: Openings, column: str, home: str) -> None:
    """Refused, by the other's client id, user name or both; and whoever has them is there still."""
    house = await open_house(failed_logins=0)
    away = HOTELS[1 - HOTELS.index(home)]
    victims = [house.device(hotel=away), house.person("bob", hotel=away), house.integrator("pms", hotel=away)]
    staying = [await house.connect(victim) for victim in victims]
    own = ticket(house, column, home=home)

    codes = {
        stolen: await (await house.dial()).connect(stolen)
        for victim in victims
        for stolen in (
            Ticket(victim.client_id, own.username, own.token),
            Ticket(own.client_id, victim.username, own.token),
            Ticket(victim.client_id, victim.username, own.token),
        )
    }

    assert {code for code in codes.values() if code not in {2, 4, 5}} == set()
    for client in staying:
        await client.ping()


@pytest.mark.parametrize("column", SORTS)
async def test_receive(house: House, column: str) -> None:
    """Whatever the client asked for, only what it may read arrives."""
    client = await house.connect(ticket(house, column))
    names = list(wanted(column, "r"))
    await client.subscribe("#", "+/+/+/+/+", "hotels/#", *names)
    for name in names:
        await house.broker.publish(name, name.encode())
    due = [name for name, allowed in wanted(column, "r").items() if allowed]
    assert [(await client.take()).topic for _ in due] == due
    await client.ping()


@pytest.mark.parametrize("column", SORTS)
async def test_will(open_house: Openings, column: str) -> None:
    house = await open_house(failed_logins=0)
    got = {}
    for target in TARGETS:
        client = await house.dial()
        code = await client.connect(ticket(house, column), will=Will(topic(*target), b"x"))
        got[topic(*target)] = code == 0
        if code == 0:
            await client.disconnect()
    assert got == wanted(column, "p")
    await eventually(lambda: house.broker.sessions == {})
