"""Two people answer at once, over MQTT and over HTTP: one wins, and nobody is told what somebody has taken on."""

import json

import pytest

from tests.support import eventually_sync
from tests.support.http import plain
from tests.system.conftest import Install
from tests.system.installation import Installation, Json, Person, Shape, StoppedClock
from tests.system.listeners import subscriber
from tests.system.receivers import webhook

pytestmark = pytest.mark.server


def say_it_was_carried_off(innwatch: Installation) -> None:
    token = innwatch.token("device", "grand", "tab-101")
    body = {"deviceId": "tab-101", "roomId": "101", "rssi": -88, "cause": "foreign-ap"}
    headers = {"Authorization": f"Bearer {token}"}
    assert plain.post(f"{innwatch.url}/api/alert/breach", json=body, headers=headers, timeout=10).status_code == 200


def ledger(person: Person, alert: Json) -> dict[str, Json]:
    """The notices of an alert, by what they tell."""
    return {row["kind"]: row for row in person.all("/api/notifications") if row["alertId"] == alert["id"]}


def test_of_two_who_acknowledge_at_once_one_wins_and_what_was_pending_is_not_sent(
    install: Install, clock: StoppedClock
) -> None:
    with webhook() as slack:
        slack.answer = 500
        innwatch = install(Shape.EMBEDDED, env=clock.env)
        innwatch.start("--for-tests")
        innwatch.furnish(channels=("--slack-webhook", slack.url))
        sam, pat = innwatch.person("sam"), innwatch.person("pat")
        say_it_was_carried_off(innwatch)
        (alert,) = eventually_sync(sam.open_alerts)
        assert alert["severity"] == "critical"
        eventually_sync(lambda: ledger(sam, alert)["opened"]["lastError"])

        with subscriber(
            innwatch.mqtt_port, "hotels/grand/staff/pat/result", client_id="grand/user/pat/desk", token=pat.token
        ) as desk:
            deed = {"id": "d-1", "op": "acknowledge", "alertId": alert["id"], "ifRevision": alert["revision"]}
            desk.client.publish("hotels/grand/staff/pat/do", json.dumps(deed), qos=1)
            by_http = sam.post(f"/api/alerts/{alert['id']}/acknowledge", {"ifRevision": alert["revision"]})
            (by_mqtt,) = eventually_sync(lambda: desk.of("result"))

        if by_mqtt["verdict"] == "applied":
            assert (by_http.status_code, by_http.json()["by"], by_http.json()["revision"]) == (409, "pat", 2)
        else:
            assert (by_mqtt["verdict"], by_mqtt["by"], by_mqtt["revision"]) == ("conflict", "sam", 2)
            assert by_http.status_code == 200

        slack.answer = 200
        clock.pass_to(1200)
        eventually_sync(lambda: ledger(sam, alert)["opened"]["state"] == "cancelled")
        assert "somebody answered" in ledger(sam, alert)["opened"]["lastError"]

        clock.pass_to(4000)
        eventually_sync(lambda: "lapsed" in ledger(sam, alert) and ledger(sam, alert)["lapsed"]["state"] == "delivered")
        timeline = [entry["type"] for entry in sam.get(f"/api/alerts/{alert['id']}")["timeline"]]
        answers = [type_ for type_ in timeline if type_ in {"alert.acknowledged", "alert.lapsed", "notification.sent"}]
        assert answers == ["alert.acknowledged", "alert.lapsed", "notification.sent"]
