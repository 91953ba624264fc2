"""The broker's durable file: what was confirmed is there after any end, once, and in order."""

import asyncio
import os
import resource
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from broker.claims import Claims, Role, TokenType
from broker.shelf import Contents, Shelf, ShelfUnusable, Shelved, ShelvedRetained, ShelvedSession
from broker.shelf_changes import LARGE, MANY, Changes
from broker.shelf_file import ShelfFile
from rules.ids import HotelId
from tests.support import Processes, eventually, eventually_sync

NOON = datetime(2026, 11, 22, 12, 0, 0, 123_456, tzinfo=UTC)

ANN = Claims(
    type=TokenType.USER,
    sub="h1/user/ann",
    aud=("mqtt", "api"),
    iat=NOON,
    exp=NOON + timedelta(days=1),
    jti="j1",
    gen=3,
    hotel_id=HotelId("h1"),
    role=Role.STAFF,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "broker.sqlite3"


@asynccontextmanager
async def opened(path: Path, *, most: int = 2**25) -> AsyncIterator[Shelf]:
    shelf = await Shelf.open(path, most=most)
    try:
        yield shelf
    finally:
        await shelf.close()


async def contents(path: Path) -> Contents:
    """What a broker that starts now would find."""
    async with opened(path) as shelf:
        return shelf.take_contents()


async def session(path: Path, client_id: str = "ann") -> ShelvedSession:
    (found,) = [one for one in (await contents(path)).sessions if one.client_id == client_id]
    return found


async def kept(shelf: Shelf) -> None:
    on_disk = asyncio.Event()
    shelf.when_kept(on_disk.set)
    async with asyncio.timeout(10):
        await on_disk.wait()


def message(packet_id: int, payload: bytes = b"x", *, qos: int = 1) -> Shelved:
    return Shelved(packet_id, "hotels/h1/events", payload, qos, retain=False)


def transactions(shelf: Shelf) -> list[Changes]:
    """Every transaction that is written from now on."""
    written: list[Changes] = []
    write = shelf._file.write

    def noted(changes: Changes) -> str | None:
        written.append(changes)
        return write(changes)

    shelf._file.write = noted  # type: ignore[method-assign]
    return written


def keep(shelf: Shelf, client_id: str = "ann") -> None:
    shelf.keep_session(client_id, ANN, {}, None)


# What is there after a restart


async def test_a_new_file_is_empty_and_for_its_owner_only(path: Path) -> None:
    assert await contents(path) == Contents([], [])

    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_session_comes_back_as_it_was(path: Path) -> None:
    async with opened(path) as shelf:
        shelf.keep_session("ann", ANN, {"hotels/h1/#": 1, "hotels/h1/ü/💡": 2}, None)
        shelf.queued("ann", Shelved(7, "hotels/h1/é", b"\x00\xff{", 2, retain=True))
        shelf.received("ann", 65_535)
        shelf.left("ann", NOON)

    assert await session(path) == ShelvedSession(
        client_id="ann",
        claims=ANN,
        subscriptions={"hotels/h1/#": 1, "hotels/h1/ü/💡": 2},
        messages=[Shelved(7, "hotels/h1/é", b"\x00\xff{", 2, retain=True)],
        received={65_535},
        left_at=NOON,
    )


async def test_contents_are_handed_over_once(path: Path) -> None:
    async with opened(path) as shelf:
        keep(shelf)

    async with opened(path) as shelf:
        assert len(shelf.take_contents().sessions) == 1
        assert shelf.take_contents() == Contents([], [])


async def test_messages_keep_their_order_over_restarts_and_sessions(path: Path) -> None:
    async with opened(path) as shelf:
        for name in ("ann", "bob"):
            keep(shelf, name)
        for number in range(300):
            shelf.queued(("ann", "bob")[number % 2], message(number + 1, b"%d" % number))
    async with opened(path) as shelf:
        for number in range(300, 400):
            shelf.queued("ann", message(number + 1, b"%d" % number))

    payloads = [int(one.payload) for one in (await session(path)).messages]
    assert payloads == [*range(0, 300, 2), *range(300, 400)]


async def test_a_message_without_a_payload_is_kept_like_any_other(path: Path) -> None:
    async with opened(path) as shelf:
        keep(shelf)
        await kept(shelf)
        shelf.queued("ann", message(1, b""))
        await kept(shelf)
        shelf.queued("ann", message(2, b""))
        shelf.queued("ann", message(3, b"x"))
        shelf.queued("ann", message(4, b""))

    assert [one.payload for one in (await session(path)).messages] == [b"", b"", b"x", b""]


async def test_a_message_to_many_sessions_is_in_memory_once_after_a_restart_too(path: Path) -> None:
    payload = b"x" * 1000
    async with opened(path) as shelf:
        for name in ("ann", "bob", "eve"):
            keep(shelf, name)
        for name in ("ann", "bob", "eve"):
            shelf.queued(name, message(1, payload))

    payloads = [one.messages[0].payload for one in (await contents(path)).sessions]
    assert payloads == [payload] * 3
    assert len({id(one) for one in payloads}) == 1


async def test_a_delivered_message_is_gone_whether_it_was_written_or_not(path: Path) -> None:
    async with opened(path) as shelf:
        keep(shelf)
        shelf.queued("ann", message(1, b"written"))
        shelf.queued("ann", message(2, b"stays"))
        await kept(shelf)
        shelf.queued("ann", message(3, b"never written"))
        shelf.delivered("ann", 1)
        shelf.delivered("ann", 3)
        shelf.delivered("ann", 4)  # not there, which means nothing

    assert [one.payload for one in (await session(path)).messages] == [b"stays"]


async def test_a_message_that_is_delivered_before_it_was_written_costs_no_write(path: Path) -> None:
    async with opened(path) as shelf:
        keep(shelf)
        await kept(shelf)
        written = transactions(shelf)
        shelf.queued("ann", message(1, b"x" * 10_000))
        shelf.delivered("ann", 1)
        called: list[bool] = []
        shelf.when_kept(lambda: called.append(True))

        assert called
        assert shelf.unwritten == 0
        await asyncio.sleep(0)
        assert written == []


async def test_a_packet_id_that_comes_round_again_means_the_oldest_message_with_it(path: Path) -> None:
    async with opened(path) as shelf:
        keep(shelf)
        for payload in (b"first", b"second", b"third"):
            shelf.queued("ann", message(9, payload, qos=2))
        shelf.delivered("ann", 9)
        shelf.released("ann", 9)

    found = (await session(path)).messages
    assert [(one.payload, one.released) for one in found] == [(b"second", True), (b"third", False)]
    async with opened(path) as shelf:  # The same holds for what an earlier process queued.
        shelf.delivered("ann", 9)
    assert [one.payload for one in (await session(path)).messages] == [b"third"]


@pytest.mark.parametrize("written", [True, False], ids=["written before", "in the same transaction"])
async def test_a_released_message_comes_back_released(path: Path, written: bool) -> None:
    async with opened(path) as shelf:
        keep(shelf)
        shelf.queued("ann", message(5, qos=2))
        if written:
            await kept(shelf)
        shelf.released("ann", 5)

    assert [one.released for one in (await session(path)).messages] == [True]


async def test_subscriptions_change_one_by_one_and_all_at_once(path: Path) -> None:
    async with opened(path) as shelf:
        shelf.keep_session("ann", ANN, {"a": 0, "b": 1}, None)
        await kept(shelf)
        shelf.subscribed("ann", "a", 2)
        shelf.subscribed("ann", "c", 1)
        shelf.unsubscribed("ann", "b")
    assert (await session(path)).subscriptions == {"a": 2, "c": 1}

    async with opened(path) as shelf:
        shelf.queued("ann", message(1))
        shelf.subscribed("ann", "d", 1)
        shelf.keep_session("ann", ANN, {"e": 1}, NOON)
        shelf.subscribed("ann", "f", 0)
    again = await session(path)
    assert again.subscriptions == {"e": 1, "f": 0}
    assert again.left_at == NOON
    assert len(again.messages) == 1


async def test_received_packet_ids_stand_until_they_are_completed(path: Path) -> None:
    async with opened(path) as shelf:
        keep(shelf)
        for packet_id in (1, 2, 3):
            shelf.received("ann", packet_id)
        await kept(shelf)
        shelf.completed("ann", 1)
        shelf.completed("ann", 2)
        shelf.received("ann", 2)  # the client has used the id again

    assert (await session(path)).received == {2, 3}


async def test_a_retained_message_is_replaced_and_emptied(path: Path) -> None:
    async with opened(path) as shelf:
        for topic in ("a", "b", "c"):
            shelf.retained(ShelvedRetained(topic, b"old", 1, None))
        await kept(shelf)
        shelf.retained(ShelvedRetained("a", b"new", 2, "h1/integrator/opera"))
        shelf.emptied("b")
        shelf.retained(ShelvedRetained("d", b"short-lived", 1, None))
        shelf.emptied("d")

    retained = sorted((await contents(path)).retained, key=lambda one: one.topic)
    assert retained == [
        ShelvedRetained("a", b"new", 2, "h1/integrator/opera"),
        ShelvedRetained("c", b"old", 1, None),
    ]


@pytest.mark.parametrize("written", [True, False], ids=["written before", "in the same transaction"])
async def test_a_forgotten_session_leaves_nothing(path: Path, written: bool) -> None:
    async with opened(path) as shelf:
        shelf.keep_session("ann", ANN, {"a": 1}, None)
        for packet_id in (1, 1, 2):
            shelf.queued("ann", message(packet_id))
        shelf.received("ann", 1)
        if written:
            await kept(shelf)
            shelf.queued("ann", message(3))
            shelf.received("ann", 2)
        shelf.forget_session("ann")
        shelf.forget_session("ann")  # not there, which means nothing

    with closing(sqlite3.connect(path)) as raw, raw:
        for question in (
            "SELECT count(*) FROM session",
            "SELECT count(*) FROM subscription",
            "SELECT count(*) FROM message",
            "SELECT count(*) FROM received",
        ):
            assert raw.execute(question).fetchone() == (0,), question


async def test_a_session_made_again_in_the_same_transaction_has_nothing_of_the_former(path: Path) -> None:
    async with opened(path) as shelf:
        shelf.keep_session("ann", ANN, {"old": 1}, None)
        shelf.queued("ann", message(1, b"old"))
        await kept(shelf)
        shelf.forget_session("ann")
        shelf.keep_session("ann", ANN, {"new": 1}, None)
        shelf.queued("ann", message(1, b"new"))

    again = await session(path)
    assert again.subscriptions == {"new": 1}
    assert [one.payload for one in again.messages] == [b"new"]


# What is confirmed, and when


async def test_what_is_recorded_meanwhile_is_one_transaction(path: Path) -> None:
    async with opened(path) as shelf:
        keep(shelf)
        await kept(shelf)
        written = transactions(shelf)
        confirmed: list[int] = []
        for number in range(1, 1001):
            shelf.queued("ann", message(number))
            shelf.when_kept(lambda number=number: confirmed.append(number))  # type: ignore[misc]
        assert confirmed == []
        await eventually(lambda: len(confirmed) == 1000)

        assert confirmed == list(range(1, 1001))
        assert len(written) == 1


@pytest.mark.parametrize("size", [0, 200_000], ids=["many", "large"])
async def test_a_transaction_is_bounded_and_who_came_first_is_told_first(path: Path, size: int) -> None:
    number = 3 * MANY if not size else 3 * LARGE // size
    async with opened(path) as shelf:
        keep(shelf)
        await kept(shelf)
        written = transactions(shelf)
        told: list[tuple[int, int]] = []
        for packet_id in range(1, number + 1):
            shelf.queued("ann", message(packet_id, b"%d" % packet_id + b"x" * size))
            shelf.when_kept(lambda packet_id=packet_id: told.append((packet_id, len(written))))  # type: ignore[misc]
            shelf.whole()
        await eventually(lambda: len(told) == number)

        assert [packet_id for packet_id, _ in told] == list(range(1, number + 1))
        assert all(changes.size < LARGE + 2 * size + 1000 and len(changes.messages) <= MANY for changes in written)
        assert told[0][1] < len(written)
        assert shelf.unwritten == 0

    again = (await session(path)).messages
    assert [one.packet_id for one in again] == list(range(1, number + 1))


async def test_what_belongs_together_is_one_transaction_however_large(path: Path) -> None:
    async with opened(path) as shelf:
        keep(shelf)
        await kept(shelf)
        written = transactions(shelf)
        for packet_id in range(1, 31):
            shelf.queued("ann", message(packet_id, b"x" * 200_000))
        shelf.received("ann", 7)
        shelf.whole()
        shelf.queued("ann", message(31))
        await kept(shelf)

        assert [len(changes.messages) for changes in written] == [30, 1]
        assert written[0].received


async def test_what_is_taken_back_meanwhile_is_gone_in_whichever_transaction_it_was(path: Path) -> None:
    async with opened(path) as shelf:
        keep(shelf)
        await kept(shelf)
        written = transactions(shelf)
        for packet_id in range(1, 61):
            shelf.queued("ann", message(packet_id, b"x" * 200_000))
            shelf.whole()
        for packet_id in range(1, 61):
            shelf.delivered("ann", packet_id)
        shelf.keep_session("bob", ANN, {"a": 1}, None)
        shelf.queued("bob", message(1))
        await kept(shelf)

        assert len(written) > 2
    assert (await session(path)).messages == []
    assert len((await session(path, "bob")).messages) == 1


async def test_saying_the_same_again_fills_nothing(path: Path) -> None:
    async with opened(path) as shelf:
        sizes = []
        for _ in range(50):
            shelf.keep_session("ann", ANN, {"a": 1, "b": 1}, None)
            shelf.subscribed("ann", "a", 2)
            shelf.unsubscribed("ann", "b")
            shelf.received("ann", 1)
            shelf.completed("ann", 1)
            sizes.append(shelf.unwritten)
        assert len(set(sizes)) == 1
        shelf.forget_session("ann")
        assert shelf.unwritten == 0


async def test_what_is_still_being_written_is_not_kept_yet(path: Path) -> None:
    async with opened(path) as shelf:
        keep(shelf)
        await asyncio.sleep(0)  # a turn of the loop: it is with the thread now, and nothing else was recorded
        confirmed: list[bool] = []
        shelf.when_kept(lambda: confirmed.append(True))
        at_once = list(confirmed)
        await eventually(lambda: confirmed)

        assert at_once == []


async def test_what_nobody_waits_for_is_written_with_what_somebody_does(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.shelf.LEISURE", 60)
    async with opened(path) as shelf:
        keep(shelf)
        shelf.queued("ann", message(1))
        await kept(shelf)
        written = transactions(shelf)
        shelf.delivered("ann", 1)
        await asyncio.sleep(0)
        shelf.queued("ann", message(2))
        await kept(shelf)
    assert [len(one.removed) for one in written] == [1]


async def test_what_nobody_waits_for_is_written_nevertheless(path: Path) -> None:
    async with opened(path) as shelf:
        keep(shelf)
        written = transactions(shelf)
        await eventually(lambda: len(written) == 1)


async def test_who_waits_right_after_a_transaction_waits_for_company(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.shelf.PAUSE", 60)
    monkeypatch.setattr("broker.shelf.COMPANY", 10)
    async with opened(path) as shelf:
        keep(shelf)
        await kept(shelf)
        written = transactions(shelf)
        all_kept = asyncio.Event()
        for number in range(1, 11):
            shelf.queued("ann", message(number))
            shelf.when_kept(all_kept.set if number == 10 else lambda: None)
            await asyncio.sleep(0)
        await all_kept.wait()
    assert [len(one.messages) for one in written] == [10]


async def test_a_call_that_fails_does_not_keep_the_others_from_theirs(path: Path) -> None:
    complaints: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(str(context["exception"])))

    def fail() -> None:
        raise RuntimeError("not my day")

    async with opened(path) as shelf:
        keep(shelf)
        shelf.when_kept(fail)
        await kept(shelf)

        assert complaints == ["not my day"]


async def test_publishers_are_held_while_too_much_is_unwritten(path: Path) -> None:
    async with opened(path, most=100_000) as shelf:
        keep(shelf)
        at_once: list[bool] = []
        shelf.on_room(lambda: at_once.append(True))
        assert at_once
        while shelf.unwritten < 100_000:
            shelf.queued("ann", message(1, b"x" * 1000))
        room = asyncio.Event()
        shelf.on_room(room.set)
        was_full, waited = shelf.full, not room.is_set()

        async with asyncio.timeout(10):
            await room.wait()
        assert was_full
        assert waited
        assert not shelf.full
        assert shelf.unwritten == 0


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """A disk on which no file of this process can grow beyond a size."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)


async def test_nothing_is_confirmed_while_the_disk_refuses_and_everything_afterwards(path: Path) -> None:
    async with opened(path) as shelf:
        keep(shelf)
        await kept(shelf)
        confirmed: list[bool] = []
        with no_file_longer_than(2_000_000):
            shelf.queued("ann", message(1, b"x" * 3_000_000))
            shelf.when_kept(lambda: confirmed.append(True))
            trouble = await eventually(shelf.troubles)
            shelf.queued("ann", message(2, b"meanwhile"))
            shelf.when_kept(lambda: confirmed.append(True))
            assert confirmed == []
        assert isinstance(trouble, str)
        assert "\n" not in trouble
        await eventually(lambda: len(confirmed) == 2)
        now = shelf.troubles()
        assert now is None

    assert [len(one.payload) for one in (await session(path)).messages] == [3_000_000, 9]


async def test_closing_gives_up_what_the_disk_refuses_and_leaves_the_rest(path: Path) -> None:
    confirmed: list[bool] = []
    shelf = await Shelf.open(path)
    keep(shelf)
    shelf.queued("ann", message(1, b"before"))
    await kept(shelf)
    with no_file_longer_than(1_000_000):
        shelf.queued("ann", message(2, b"x" * 3_000_000))
        shelf.when_kept(lambda: confirmed.append(True))
        await eventually(shelf.troubles)
        async with asyncio.timeout(10):
            await shelf.close()
    shelf.queued("ann", message(3, b"too late"))
    shelf.when_kept(lambda: confirmed.append(True))

    assert [one.payload for one in (await session(path)).messages] == [b"before"]
    assert confirmed == []


async def test_the_log_does_not_grow_with_what_was_ever_written(path: Path) -> None:
    async with opened(path) as shelf:
        keep(shelf)
        for _ in range(100):
            shelf.queued("ann", message(1, b"x" * 500_000))
            await kept(shelf)
            shelf.delivered("ann", 1)

        log = path.with_name(path.name + "-wal")
        assert log.stat().st_size < 12_000_000
        assert path.stat().st_size < 12_000_000


# The end of the process

RECORDER = """
import asyncio, sys
from pathlib import Path
from broker.shelf import Shelf, Shelved
from tests.broker.test_shelf import ANN

async def record(path, confirmed):
    shelf = await Shelf.open(path)
    shelf.keep_session("ann", ANN, {"a": 1}, None)
    number = 0
    while True:
        for _ in range(50):
            number += 1
            shelf.queued("ann", Shelved(number % 65_535 + 1, "t", b"%d" % number, 1, retain=False))
            if number % 3 == 0:  # every third is delivered 1,000 messages later
                gone = number - 999
                if gone > 0:
                    shelf.delivered("ann", gone % 65_535 + 1)
        shelf.when_kept(lambda number=number: confirmed.write(f"{number}\\n"))
        await asyncio.sleep(0)

asyncio.run(record(Path(sys.argv[1]), open(sys.argv[2], "w", buffering=1)))
"""


@pytest.mark.parametrize("after", [1, 2_000, 20_000])
async def test_what_was_confirmed_survives_a_kill_and_is_there_once(tmp_path: Path, path: Path, after: int) -> None:
    confirmed = tmp_path / "confirmed"
    confirmed.touch()
    processes = Processes(tmp_path)
    try:
        root = Path(__file__).parents[2]
        recorder = processes.start([sys.executable, "-c", RECORDER, path, confirmed], cwd=root)

        def last() -> int:
            assert recorder.exit_code() is None, recorder.output()
            return int((confirmed.read_text().rpartition("\n")[0].split("\n")[-1]) or 0)

        eventually_sync(lambda: last() >= after, within=20)
        recorder.kill()
    finally:
        processes.end()

    until = int(confirmed.read_text().rpartition("\n")[0].split("\n")[-1])
    found = [int(one.payload) for one in (await session(path)).messages]
    assert found == sorted(set(found)), "twice, or out of order"
    deliverable = {number - 999 for number in range(1000, max(found) + 1) if number % 3 == 0}
    assert set(range(1, until + 1)) - set(found) <= deliverable
    confirmed_gone = {number - 999 for number in range(1000, until + 1) if number % 3 == 0}
    assert not confirmed_gone & set(found)


# A file that cannot be used


async def refusal(path: Path) -> str:
    with pytest.raises(ShelfUnusable) as refused:
        await Shelf.open(path)
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)
    return str(refused.value)


async def test_a_file_that_is_no_database_is_damaged(path: Path) -> None:
    path.write_bytes(os.urandom(20_000))

    assert "is damaged" in await refusal(path)


async def test_a_file_with_a_torn_page_is_damaged(path: Path) -> None:
    async with opened(path) as shelf:
        keep(shelf)
        for number in range(1, 500):
            shelf.queued("ann", message(number, b"x" * 100))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + b"\xaa" * 8192 + whole[len(whole) // 2 + 8192 :])

    assert "is damaged" in await refusal(path)


async def test_claims_that_cannot_be_read_are_damage(path: Path) -> None:
    async with opened(path) as shelf:
        keep(shelf)
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE session SET claims = x'c1'")

    assert "is damaged" in await refusal(path)


async def test_a_file_of_a_newer_version_is_left_alone(path: Path) -> None:
    await contents(path)
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("PRAGMA user_version=2")
    before = path.read_bytes()

    assert "newer version" in await refusal(path)
    assert path.read_bytes() == before


async def test_another_programs_database_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()

    assert "not a broker's file" in await refusal(path)
    assert path.read_bytes() == before


async def test_a_file_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert "see that this user may write" in await refusal(tmp_path / "file" / "broker.sqlite3")
    assert "see that this user may write" in await refusal(tmp_path)


async def test_a_full_disk_at_the_start_says_so(path: Path) -> None:
    with no_file_longer_than(8_192):
        said = await refusal(path)

    assert "cannot be" in said


async def test_two_brokers_do_not_share_a_file(path: Path) -> None:
    async with opened(path) as shelf:
        keep(shelf)

        assert "in use by another broker" in await refusal(path)
        await kept(shelf)
    assert len((await contents(path)).sessions) == 1


async def test_a_claim_that_a_later_version_adds_is_passed_over(path: Path) -> None:
    """Within one version of the file, claims may gain fields that have a default; an older broker ignores them."""
    async with opened(path) as shelf:
        keep(shelf)
    later = msgspec.msgpack.encode({**msgspec.to_builtins(ANN, builtin_types=(datetime,)), "later": 1})
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE session SET claims = ?", (later,))

    assert (await session(path)).claims == ANN


def test_a_commit_waits_for_the_disk_and_the_file_stays_locked(path: Path) -> None:
    """What no kill shows, only a power cut: the settings that promise it."""
    file = ShelfFile(path)
    file.open()
    try:
        raw = file._raw
        assert raw is not None
        assert raw.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert raw.execute("PRAGMA locking_mode").fetchone() == ("exclusive",)
    finally:
        file.close()
