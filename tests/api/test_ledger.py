"""The ledger of notifications, and the quarantine."""

from broker.tokens import Role
from tests.api.support import INN, World


async def test_the_ledger_says_what_became_of_each_notice(world: World) -> None:
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        page = (await client.get("/api/notifications")).json()
        delivered = (await client.get("/api/notifications?state=delivered")).json()

    [notice] = page["items"]
    assert (notice["alertId"], notice["channel"], notice["kind"]) == (world.alerts[INN], "email", "opened")
    assert (notice["state"], notice["attempts"], notice["lastError"]) == ("pending", 0, None)
    assert delivered["items"] == []


async def test_the_quarantine_shows_what_was_refused_and_why(world: World) -> None:
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        page = (await client.get("/api/quarantine")).json()

    [refused] = page["items"]
    assert (refused["deviceId"], refused["reason"], refused["detail"]) == ("tab-1", "not-json", "byte 0")
    assert refused["topic"] == "hotels/inn/devices/tab-1/heartbeat"
