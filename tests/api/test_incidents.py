"""Incidents over HTTP: seen by all, taken on by the first."""

from broker.tokens import Role
from tests.api.support import INN, World


async def test_an_incident_is_seen_with_its_alerts_and_taken_on_once(world: World) -> None:
    incident_id = await world.open_incident(INN)
    async with world.client(world.user(INN, "inn-staff", role=Role.STAFF)) as client:
        listed = (await client.get("/api/incidents", params={"status": "open"})).json()["items"]
        assert [(one["id"], one["rule"], one["scope"], one["place"], one["members"]) for one in listed] == [
            (incident_id, "outage.area", "floor", "1", 1)
        ]
        shown = (await client.get(f"/api/incidents/{incident_id}")).json()
        assert [(one["id"], one["incidentId"]) for one in shown["alerts"]] == [(world.alerts[INN], incident_id)]
        assert [(step["type"], step["scope"], step["members"]) for step in shown["timeline"]] == [
            ("incident.opened", "floor", 1)
        ]

        taken = await client.post(f"/api/incidents/{incident_id}/acknowledge")
        assert (taken.status_code, taken.json()["acknowledged"]["by"]) == (200, "inn-staff")
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        late = await client.post(f"/api/incidents/{incident_id}/acknowledge")
        assert (late.status_code, late.json()["by"]) == (409, "inn-staff")
        await world.close_incident(INN)
        over = await client.post(f"/api/incidents/{incident_id}/acknowledge")
        assert (over.status_code, over.json()["type"].rpartition(":")[2]) == (410, "already-over")
        assert (await client.get("/api/incidents", params={"status": "open"})).json()["items"] == []
