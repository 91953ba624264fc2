"""Stored inputs, read again in the order in which they counted."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from rules.ids import DeviceId, MessageId
from rules.inputs import InputKind
from store import NotFound, Store, StoredMessage
from store.inputs import Span, _moment
from store.times import micros
from tests.store.given import HOTEL, NOW, OTHER, add_hotel, batch, heartbeat, later

TAB, OTHER_TAB = DeviceId("tab-0"), DeviceId("tab-1")


def checkpoint(at: datetime) -> StoredMessage:
    return StoredMessage(
        hotel_id=HOTEL,
        device_key=None,
        kind=InputKind.CHECKPOINT,
        message_id=MessageId(f"checkpoint:{at.timestamp():.0f}"),
        received_at=at,
        body=b"{}",
    )


@pytest.fixture
async def history(store: Store) -> Store:
    """Two tablets of one hotel and one of another, every 10 s for a minute; a checkpoint after 30 s."""
    ours = await add_hotel(store)
    (theirs, _) = await add_hotel(store, OTHER)
    for second in range(0, 60, 10):
        at = later(second)
        beats = [heartbeat(device, f"{device.id}-{second}", at=at) for device in ours]
        rows = [*beats, heartbeat(theirs, f"theirs-{second}", at=at)]
        await store.apply(batch(*([checkpoint(at)] if second == 30 else []), *rows))
    return store


async def names(store: Store, span: Span, *, stride: int = 4) -> list[MessageId]:
    return [one.name async for page in store.inputs(HOTEL, span, stride=stride) for one in page.inputs]


async def test_inputs_come_in_their_order_whatever_the_pages(history: Store) -> None:
    span = await history.span(HOTEL, start=NOW, end=later(60))

    read = await names(history, span)

    assert span.whole
    assert read == [
        name
        for second in range(0, 60, 10)
        for name in [*(["checkpoint:1795428030"] if second == 30 else []), f"tab-0-{second}", f"tab-1-{second}"]
    ]
    assert await names(history, span, stride=1000) == read
    pages = [page async for page in history.inputs(HOTEL, span, stride=1000)]
    assert [page.upto for page in pages] == [span.upto]


async def test_a_span_ends_before_its_end_and_begins_at_the_checkpoint_before_its_start(history: Store) -> None:
    span = await history.span(HOTEL, start=later(40), end=later(50))

    assert span.whole
    assert await names(history, span) == ["checkpoint:1795428030", "tab-0-30", "tab-1-30", "tab-0-40", "tab-1-40"]
    begun = [one.name async for page in history.inputs(HOTEL, span) for one in page.inputs if one.row >= span.begins]
    assert begun == ["tab-0-40", "tab-1-40"]


async def test_one_device_comes_with_what_is_the_whole_hotels(history: Store) -> None:
    read = await history.inputs_of(HOTEL, OTHER_TAB, await history.span(HOTEL, start=later(35), end=later(60)))

    assert [(one.name, one.device_id) for one in read] == [
        ("checkpoint:1795428030", None),
        ("tab-1-30", OTHER_TAB),
        ("tab-1-40", OTHER_TAB),
        ("tab-1-50", OTHER_TAB),
    ]
    assert (read[1].kind, read[1].at, read[1].ts) == (InputKind.HEARTBEAT, later(30), later(29.85))
    assert (read[1].late, read[1].body) == (False, b'{"id":"tab-1-30"}')
    span = await history.span(HOTEL, start=NOW, end=later(60))
    with pytest.raises(NotFound):
        await history.inputs_of(HOTEL, DeviceId("tab-9"), span)


async def test_of_the_other_devices_the_first_checkpoint_alone_is_read(store: Store) -> None:
    ours = await add_hotel(store)
    for second in (30, 60, 90):
        whole = checkpoint(later(second))
        await store.apply(batch(whole, *(replace(whole, device_key=device.key) for device in ours)))

    read = await store.inputs_of(HOTEL, TAB, await store.span(HOTEL, start=later(30), end=later(100)))

    assert [(one.at, one.device_id) for one in read] == [
        (later(30), None), (later(30), TAB), (later(30), OTHER_TAB),
        (later(60), None), (later(60), TAB),
        (later(90), None), (later(90), TAB),
    ]  # fmt: skip


async def test_before_anything_and_after_everything_there_is_nothing(history: Store) -> None:
    before = await history.span(HOTEL, start=later(-60), end=NOW)
    after = await history.span(HOTEL, start=later(3600), end=later(7200))

    assert await names(history, before) == []
    assert [
        one.name async for page in history.inputs(HOTEL, after) for one in page.inputs if one.row >= after.begins
    ] == []


async def test_nothing_stored_at_all_is_no_input(store: Store) -> None:
    await add_hotel(store)

    assert await names(store, await store.span(HOTEL, start=NOW, end=later(60))) == []


def test_a_time_read_quickly_is_the_time_that_was_stored() -> None:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(20_000):
        at = first + timedelta(microseconds=number * 1_577_880_000_000_003 // 20_000)
        assert _moment(micros(at)) == at
