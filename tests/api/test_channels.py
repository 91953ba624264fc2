"""Whom a hotel tells, over HTTP."""

import pytest

from broker.tokens import Role
from tests.api.support import INN, World

WEBHOOK = "https://hooks.slack.com/services/T0/B0/s3cr3t"


def manager(world: World) -> str:
    return world.user(INN, "inn-manager", role=Role.MANAGER)


async def test_a_channel_is_added_and_removed_and_its_webhook_shown_to_nobody(world: World) -> None:
    async with world.client(manager(world)) as client:
        added = await client.post("/api/channels", json={"kind": "slack", "webhookUrl": WEBHOOK})
        listed = await client.get("/api/channels")
        removed = await client.delete(f"/api/channels/{added.json()['id']}")
        left = (await client.get("/api/channels")).json()["items"]

    assert (added.status_code, removed.status_code) == (201, 204)
    assert [item["kind"] for item in listed.json()["items"]] == ["email", "slack"]
    assert "s3cr3t" not in added.text + listed.text
    assert [item["recipients"] for item in left] == [["desk@hotel.example"]]


async def test_nobody_is_told_everything_twice(world: World) -> None:
    async with world.client(manager(world)) as client:
        answers = [
            await client.post("/api/channels", json={"kind": "email", "recipients": ["desk@hotel.example"]}),
            await client.post("/api/channels", json={"kind": "slack", "webhookUrl": WEBHOOK}),
            await client.post("/api/channels", json={"kind": "slack", "webhookUrl": WEBHOOK}),
        ]

    assert [answer.status_code for answer in answers] == [409, 201, 409]


async def test_the_same_people_may_hear_of_tokens_by_a_channel_for_it(world: World) -> None:
    body = {"kind": "email", "recipients": ["desk@hotel.example"], "it": True}
    async with world.client(manager(world)) as client:
        added = await client.post("/api/channels", json=body)
        again = await client.post("/api/channels", json=body)
        listed = await client.get("/api/channels")

    assert (added.status_code, again.status_code) == (201, 409)
    assert [item["it"] for item in listed.json()["items"]] == [False, True]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "slack"}, "webhookUrl"),
        ({"kind": "slack", "webhookUrl": "http://169.254.169.254/latest/meta-data"}, "webhookUrl"),
        ({"kind": "slack", "webhookUrl": "https://hooks.slack.com.evil.example/services/x"}, "webhookUrl"),
        ({"kind": "slack", "webhookUrl": "https://hooks.slack.com@evil.example/"}, "webhookUrl"),
        ({"kind": "slack", "webhookUrl": WEBHOOK, "recipients": ["a@b.example"]}, "recipients"),
        ({"kind": "email"}, "recipients"),
        ({"kind": "email", "recipients": ["desk"]}, "recipients"),
        ({"kind": "email", "recipients": ["a@b.example\r\nBcc: everybody@b.example"]}, "recipients"),
        ({"kind": "email", "recipients": ["a@b.example"], "webhookUrl": WEBHOOK}, "webhookUrl"),
        ({"kind": "pigeon"}, "kind"),
    ],
)
async def test_what_cannot_be_told_by_is_refused(world: World, body: dict[str, object], field: str) -> None:
    async with world.client(manager(world)) as client:
        answer = await client.post("/api/channels", json=body)

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert "s3cr3t" not in answer.text


async def test_a_hotel_has_so_many_channels_and_no_more(world: World) -> None:
    async with world.client(manager(world)) as client:
        answers = [
            await client.post("/api/channels", json={"kind": "email", "recipients": [f"a{n}@hotel.example"]})
            for n in range(20)
        ]

    assert [answer.status_code for answer in answers] == [201] * 19 + [409]


async def test_staff_see_whom_the_hotel_tells_and_change_nothing(world: World) -> None:
    async with world.client(world.user(INN, "inn-staff", role=Role.STAFF)) as client:
        assert (await client.get("/api/channels")).status_code == 200
        assert (await client.delete("/api/channels/1")).status_code == 403
