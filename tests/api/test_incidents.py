"""Incidents over HTTP: seen by all, taken on by the first."""

from datetime import timedelta

from broker.tokens import Role
from rules.ids import IncidentId
from tests.api.support import INN, World


async def tell_of(incident_id: str, world: World) -> None:
    """The notice of the incident fails for good."""
    now = world.clock()
    rows = (await world.store.notifications(INN)).items
    (notice,) = [row for row in rows if row.incident_id == incident_id]
    lease = timedelta(minutes=1)
    assert await world.store.claim_notification(INN, notice.id, worker="post", now=now, lease=lease)
    assert await world.store.record_dead(INN, notice.id, worker="post", now=now, error="desk@inn is unknown")


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
        await tell_of(incident_id, world)
        told = (await client.get(f"/api/incidents/{incident_id}")).json()["timeline"]
        assert [(step["type"], step.get("error")) for step in told[1:]] == [  # Nobody's address.
            ("notification.dead", "… is unknown")
        ]

        taken = await client.post(f"/api/incidents/{incident_id}/acknowledge")
        assert (taken.status_code, taken.json()["acknowledged"]["by"]) == (200, "inn-staff")
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        late = await client.post(f"/api/incidents/{incident_id}/acknowledge")
        assert (late.status_code, late.json()["by"]) == (409, "inn-staff")
        await world.close_incident(INN, into=IncidentId("I-wider"))
        over = await client.post(f"/api/incidents/{incident_id}/acknowledge")
        assert (over.status_code, over.json()["type"].rpartition(":")[2]) == (410, "already-over")
        assert (await client.get("/api/incidents", params={"status": "open"})).json()["items"] == []
        assert (await client.get(f"/api/incidents/{incident_id}")).json()["partOf"] == "I-wider"
    async with world.client(world.integrator(INN, "pms", "alerts")) as client:
        timeline = (await client.get(f"/api/incidents/{incident_id}")).json()["timeline"]
        assert [step["type"] for step in timeline] == ["incident.opened", "incident.changed", "incident.closed"]
