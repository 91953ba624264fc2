"""By which way tablets speak: what was heard last counts, and what the end of the shared token would cut."""

from datetime import timedelta

from rules.ids import DeviceId
from store import INNWATCH, Store
from store.records import Contact, MigrationCounts, MigrationRow, Way
from tests.store.given import HOTEL, NOW, OTHER, add_hotel, later

TAB = DeviceId("tab-0")


async def row(store: Store, device_id: DeviceId = TAB) -> MigrationRow:
    return next(one for one in (await store.migration(HOTEL)).items if one.device_id == device_id)


async def test_a_tablet_that_was_never_heard_speaks_no_way(store: Store) -> None:
    await add_hotel(store)

    found = await row(store)

    assert (found.speaks, found.legacy_token, found.http, found.mqtt) == (None, None, None, None)
    assert not found.cut


async def test_the_way_by_which_it_was_heard_last_counts(store: Store) -> None:
    await add_hotel(store)
    seen = []
    for seconds, way in enumerate((Way.LEGACY_TOKEN, Way.HTTP, Way.MQTT, Way.HTTP, Way.LEGACY_TOKEN)):
        await store.note_contact(HOTEL, TAB, way, now=later(seconds))
        seen.append((await row(store)).speaks)

    assert seen == [Way.LEGACY_TOKEN, Way.HTTP, Way.MQTT, Way.HTTP, Way.LEGACY_TOKEN]
    assert (await row(store)).http == Contact(later(1), later(3))


async def test_at_one_moment_the_more_modern_way_counts(store: Store) -> None:
    await add_hotel(store)
    for way in (Way.MQTT, Way.HTTP, Way.LEGACY_TOKEN):
        await store.note_contact(HOTEL, TAB, way, now=NOW)

    assert (await row(store)).speaks is Way.MQTT


async def test_a_clock_that_was_set_back_takes_nothing_back(store: Store) -> None:
    await add_hotel(store)
    await store.note_contact(HOTEL, TAB, Way.HTTP, now=later(60))
    await store.note_contact(HOTEL, TAB, Way.HTTP, now=NOW)

    assert (await row(store)).http == Contact(later(60), later(60))


async def test_the_bridge_notes_many_tablets_of_several_hotels_at_once(store: Store) -> None:
    ours = await add_hotel(store)
    theirs = await add_hotel(store, OTHER, tablets=1)

    await store.note_contacts([one.key for one in (*ours, *theirs)], Way.MQTT, now=NOW)
    await store.note_contacts([ours[0].key], Way.MQTT, now=later(300))

    assert [one.mqtt for one in (await store.migration(HOTEL)).items] == [
        Contact(NOW, later(300)),
        Contact(NOW, NOW),
    ]
    assert (await store.migration_counts(OTHER)).mqtt == 1


async def test_cut_would_be_who_speaks_by_the_shared_token_or_needs_it_to_begin(store: Store) -> None:
    await add_hotel(store, tablets=5)
    speaking, arrived, waiting, enrolled, never_allowed = (DeviceId(f"tab-{number}") for number in range(5))
    for one in (speaking, arrived, waiting, enrolled):
        await store.let_shared_token_speak(HOTEL, one, allowed=True, by=INNWATCH, now=NOW)
    await store.note_contact(HOTEL, speaking, Way.LEGACY_TOKEN, now=NOW)
    await store.note_contact(HOTEL, arrived, Way.LEGACY_TOKEN, now=NOW)
    await store.note_contact(HOTEL, arrived, Way.MQTT, now=later(1))
    await store.take_first_token(HOTEL, enrolled, expires_at=NOW + timedelta(days=30), by=INNWATCH, now=NOW)

    assert [one.device_id for one in (await store.migration(HOTEL, cut=True)).items] == [speaking, waiting]
    assert {one.device_id for one in (await store.migration(HOTEL)).items if one.cut} == {speaking, waiting}
    assert await store.migration_counts(HOTEL) == MigrationCounts(
        devices=5, mqtt=1, http=0, legacy_token=1, never=3, cut=2
    )
    assert not (await row(store, never_allowed)).shared_token


async def test_pages_follow_one_another(store: Store) -> None:
    await add_hotel(store, tablets=5)
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await store.migration(HOTEL, cursor=cursor, limit=2)
        found += [one.device_id for one in page.items]
        cursor = page.next
        if cursor is None:
            break

    assert found == [f"tab-{number}" for number in range(5)]
