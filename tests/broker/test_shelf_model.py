"""The shelf against a plain picture of what it is to hold: whatever is recorded, in whatever groups it is written."""

import asyncio
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from broker.claims import Claims
from broker.shelf import Contents, Shelf, Shelved, ShelvedRetained, ShelvedSession
from tests.broker.test_shelf import ANN, NOON, kept

Step = Callable[[Shelf, "Picture"], None]

CLIENTS = ("ann", "bob", "eve")
FILTERS = ("a/#", "b/+", "c")


class Picture:
    """What the shelf was told, in memory."""

    def __init__(self) -> None:
        self.sessions: dict[str, ShelvedSession] = {}
        self.retained: dict[str, ShelvedRetained] = {}

    def oldest(self, client_id: str, packet_id: int) -> Shelved | None:
        messages = self.sessions[client_id].messages if client_id in self.sessions else []
        return next((one for one in messages if one.packet_id == packet_id), None)


def keeps(client_id: str, subscriptions: dict[str, int], left_at: datetime | None) -> Step:
    def step(shelf: Shelf, picture: Picture) -> None:
        shelf.keep_session(client_id, ANN, subscriptions, left_at)
        session = picture.sessions.setdefault(client_id, ShelvedSession(client_id, ANN, {}, [], set(), None))
        session.subscriptions, session.left_at = dict(subscriptions), left_at

    return step


def forgets(client_id: str) -> Step:
    def step(shelf: Shelf, picture: Picture) -> None:
        shelf.forget_session(client_id)
        picture.sessions.pop(client_id, None)

    return step


def leaves(client_id: str, left_at: datetime | None) -> Step:
    def step(shelf: Shelf, picture: Picture) -> None:
        if client_id in picture.sessions:
            shelf.left(client_id, left_at)
            picture.sessions[client_id].left_at = left_at

    return step


def subscribes(client_id: str, topic_filter: str, qos: int | None) -> Step:
    def step(shelf: Shelf, picture: Picture) -> None:
        session = picture.sessions.get(client_id)
        if qos is None:
            shelf.unsubscribed(client_id, topic_filter)
            if session is not None:
                session.subscriptions.pop(topic_filter, None)
        elif session is not None:
            shelf.subscribed(client_id, topic_filter, qos)
            session.subscriptions[topic_filter] = qos

    return step


def queues(client_id: str, packet_id: int, payload: bytes) -> Step:
    def step(shelf: Shelf, picture: Picture) -> None:
        if client_id in picture.sessions:
            shelf.queued(client_id, Shelved(packet_id, "t", payload, 2, retain=False))
            picture.sessions[client_id].messages.append(Shelved(packet_id, "t", payload, 2, retain=False))

    return step


def releases(client_id: str, packet_id: int) -> Step:
    def step(shelf: Shelf, picture: Picture) -> None:
        shelf.released(client_id, packet_id)
        message = picture.oldest(client_id, packet_id)
        if message is not None:
            message.released = True

    return step


def delivers(client_id: str, packet_id: int) -> Step:
    def step(shelf: Shelf, picture: Picture) -> None:
        shelf.delivered(client_id, packet_id)
        message = picture.oldest(client_id, packet_id)
        if message is not None:
            messages = picture.sessions[client_id].messages
            del messages[next(at for at, one in enumerate(messages) if one is message)]

    return step


def receives(client_id: str, packet_id: int) -> Step:
    def step(shelf: Shelf, picture: Picture) -> None:
        if client_id in picture.sessions:
            shelf.received(client_id, packet_id)
            picture.sessions[client_id].received.add(packet_id)

    return step


def completes(client_id: str, packet_id: int) -> Step:
    def step(shelf: Shelf, picture: Picture) -> None:
        shelf.completed(client_id, packet_id)
        if client_id in picture.sessions:
            picture.sessions[client_id].received.discard(packet_id)

    return step


def retains(topic: str, payload: bytes | None) -> Step:
    def step(shelf: Shelf, picture: Picture) -> None:
        if payload is None:
            shelf.emptied(topic)
            picture.retained.pop(topic, None)
        else:
            message = ShelvedRetained(topic, payload, 1, None)
            shelf.retained(message)
            picture.retained[topic] = message

    return step


clients, packet_ids = st.sampled_from(CLIENTS), st.integers(1, 3)
payloads, times = st.binary(max_size=3), st.sampled_from([None, NOON])
qos = st.integers(0, 2)

steps = st.one_of(
    st.builds(keeps, clients, st.dictionaries(st.sampled_from(FILTERS), qos), times),
    st.builds(forgets, clients),
    st.builds(leaves, clients, times),
    st.builds(subscribes, clients, st.sampled_from(FILTERS), st.none() | qos),
    st.builds(queues, clients, packet_ids, payloads),
    st.builds(queues, clients, packet_ids, payloads),
    st.builds(releases, clients, packet_ids),
    st.builds(delivers, clients, packet_ids),
    st.builds(receives, clients, packet_ids),
    st.builds(completes, clients, packet_ids),
    st.builds(retains, st.sampled_from(["x", "y"]), st.none() | payloads),
)
sittings = st.lists(st.lists(st.lists(steps, max_size=12), max_size=4), min_size=1, max_size=3)
"""What is recorded between two starts, in groups that are written together."""


def sorted_by_name(contents: Contents) -> tuple[list[ShelvedSession], list[ShelvedRetained]]:
    return (
        sorted(contents.sessions, key=lambda one: one.client_id),
        sorted(contents.retained, key=lambda one: one.topic),
    )


async def record(path: Path, groups: list[list[Step]], picture: Picture) -> None:
    shelf = await Shelf.open(path)
    try:
        expected = Contents(list(picture.sessions.values()), list(picture.retained.values()))
        assert sorted_by_name(shelf.take_contents()) == sorted_by_name(deepcopy(expected))
        for group in groups:
            for step in group:
                step(shelf, picture)
            await kept(shelf)
            assert shelf.unwritten == 0
    finally:
        await shelf.close()


@settings(deadline=None, max_examples=150)
@given(sittings)
def test_what_is_found_is_what_was_recorded(sittings: list[list[list[Step]]]) -> None:
    with TemporaryDirectory() as folder:
        picture = Picture()
        for groups in [*sittings, []]:
            asyncio.run(record(Path(folder, "broker.sqlite3"), groups, picture))


def test_claims_are_of_the_kind_that_is_stored() -> None:
    """A field of another kind needs a new version of the file, and a look at what older files hold."""
    assert Claims.__struct_fields__ == (
        "type", "sub", "aud", "iat", "exp", "jti", "gen", "hotel_id", "device_id", "role", "scope",
        "kid",
    )  # fmt: skip


def test_claims_of_a_file_that_does_not_say_whose_key_signed_are_read_all_the_same() -> None:
    """As files are that were written before keys could be rotated; the next CONNECT of that client says it."""
    before = msgspec.to_builtins(ANN)
    del before["kid"]
    read = msgspec.msgpack.decode(msgspec.msgpack.encode(before), type=Claims)

    assert read == replace(ANN, kid="")


names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=30)
"""What MQTT calls a string: any but NUL, no halves of pairs (3.1.1 §1.5.3)."""


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(names, st.tuples(st.binary(max_size=20), names), max_size=5))
def test_any_name_and_any_bytes_come_back_as_they_were(given_: dict[str, tuple[bytes, str]]) -> None:
    async def write_and_read(path: Path) -> None:
        shelf = await Shelf.open(path)
        for name, (payload, other) in given_.items():
            shelf.keep_session(name, ANN, {other: 1}, None)
            shelf.queued(name, Shelved(1, other, payload, 1, retain=False))
            shelf.retained(ShelvedRetained(name, payload, 1, other))
        await shelf.close()
        shelf = await Shelf.open(path)
        contents = shelf.take_contents()
        await shelf.close()
        found = {one.client_id: (one.messages[0].payload, one.messages[0].topic) for one in contents.sessions}
        assert found == given_
        assert {one.topic: (one.payload, one.owner) for one in contents.retained} == given_
        assert {one.client_id: list(one.subscriptions) for one in contents.sessions} == {
            name: [other] for name, (_, other) in given_.items()
        }

    with TemporaryDirectory() as folder:
        asyncio.run(write_and_read(Path(folder, "broker.sqlite3")))
