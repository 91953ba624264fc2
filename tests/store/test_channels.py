"""Taking a channel away from a hotel."""

import pytest

from store import INNWATCH, NotFound, Store
from store.records import NotificationState
from tests.store.given import HOTEL, MAIL, NOW, OTHER, SLACK, add_hotel, batch, later, opened


async def test_a_channel_that_was_removed_is_told_nothing_and_keeps_its_ledger(store: Store) -> None:
    first, second = await add_hotel(store, channels=[MAIL, SLACK])
    mail, slack = await store.channels(HOTEL)
    await store.apply(batch(changes=[opened(first, "A1")]))

    await store.remove_channel(HOTEL, mail.id, by=INNWATCH, now=later(1))
    await store.apply(batch(changes=[opened(second, "A2")]))

    assert await store.channels(HOTEL) == (slack,)
    notices = (await store.notifications(HOTEL)).items
    assert sorted((one.alert_id, one.channel, one.state) for one in notices) == [
        ("A1", "email", NotificationState.CANCELLED),
        ("A1", "slack", NotificationState.PENDING),
        ("A2", "slack", NotificationState.PENDING),
    ]
    assert [one.last_error for one in notices if one.channel == "email"] == ["the channel was removed"]
    assert (await store.audit(HOTEL, deed="channel.removed")).items[0].subject == str(mail.id)


async def test_what_a_worker_has_in_hand_is_not_tried_again(store: Store) -> None:
    (device, _) = await add_hotel(store, channels=[MAIL])
    (mail,) = await store.channels(HOTEL)
    await store.apply(batch(changes=[opened(device)]))
    (ref,) = await store.due_notifications(NOW, limit=10)
    claimed = await store.claim_notification(HOTEL, ref.id, worker="w", now=NOW, lease=later(60) - NOW)
    assert claimed is not None

    await store.remove_channel(HOTEL, mail.id, by=INNWATCH, now=later(1))

    assert not await store.record_retry(HOTEL, ref.id, worker="w", now=later(2), error="x", next_at=later(3))
    assert await store.due_notifications(later(3600), limit=10) == []


async def test_a_channel_is_removed_once_and_by_its_own_hotel(store: Store) -> None:
    await add_hotel(store, HOTEL, channels=[MAIL])
    await add_hotel(store, OTHER)
    (mail,) = await store.channels(HOTEL)
    before = (await store.revisions())[HOTEL]

    with pytest.raises(NotFound):
        await store.remove_channel(OTHER, mail.id, by=INNWATCH, now=NOW)
    await store.remove_channel(HOTEL, mail.id, by=INNWATCH, now=NOW)
    with pytest.raises(NotFound):
        await store.remove_channel(HOTEL, mail.id, by=INNWATCH, now=NOW)

    assert (await store.revisions())[HOTEL] == before + 1
