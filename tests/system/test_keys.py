"""Keys are rotated under everybody's feet, one leaks and is taken out, and somebody forges tokens by the hundred."""

import asyncio
import time
from pathlib import Path

import httpx
import jwt
import pytest

from tests.broker.forgeries import Known, forged
from tests.broker.raw import RawClient, Ticket
from tests.support import Processes, eventually_sync
from tests.support.http import TRUSTS_NOBODY, plain
from tests.system.conftest import Install
from tests.system.installation import Installation, Json, Shape
from tests.system.lobby import lobby


def jwks(innwatch: Installation) -> Json:
    return plain.get(f"{innwatch.url}/.well-known/jwks.json", timeout=5).json()["keys"]


def signed_by(token: str) -> str:
    kid: str = jwt.get_unverified_header(token)["kid"]
    return kid


@pytest.mark.parametrize(
    "shape", [Shape.EMBEDDED, Shape.SEPARATE, pytest.param(Shape.SERVER, marks=pytest.mark.server)]
)
def test_a_rotation_locks_nobody_out_and_a_key_that_leaked_is_gone_within_seconds(
    install: Install, tmp_path: Path, shape: Shape
) -> None:
    innwatch = install(shape)
    if shape is Shape.SERVER:
        innwatch.env["INNWATCH_KEYS"] = str(tmp_path / "keys.json")
        innwatch.cli("keys", "rotate")
    innwatch.start()
    innwatch.furnish(rooms=3)
    sam, old = innwatch.person("sam"), innwatch.token("device", "grand", "tab-101")
    with lobby(innwatch) as inside:
        early = [inside.tablet("tab-101", token=old), *inside.by_every_door("grand/user/sam", sam.token)]

        innwatch.cli("keys", "rotate", "--es256", "--after", "8")
        (public,) = eventually_sync(lambda: jwks(innwatch))
        assert signed_by(innwatch.token("device", "grand", "tab-102")) == signed_by(old)
        new = eventually_sync(lambda: token_by(innwatch, public["kid"]), within=40)
        late = inside.tablet("tab-102", token=new)
        bob = innwatch.person("bob")
        assert signed_by(bob.token) == public["kid"]
        for person in (sam, bob):
            assert person.get("/api/session")["hotel"]["id"] == "grand"
        assert [guest.name for guest in early if not guest.is_in] == []

        innwatch.cli("keys", "remove", signed_by(old), "--force")
        inside.assert_out(*early, since=time.monotonic())
        inside.assert_refused("grand/tab-101", old)
        reply = plain.get(f"{innwatch.url}/api/session", headers={"Authorization": f"Bearer {sam.token}"})
        assert reply.status_code == 401
        assert late.is_in
        late.beat()
        assert bob.get("/api/session")["user"] == "bob"


def token_by(innwatch: Installation, kid: str) -> str | None:
    token = innwatch.token("device", "grand", "tab-102")
    return token if signed_by(token) == kid else None


def test_five_hundred_forged_tokens_are_refused_at_both_doors_counted_and_in_no_log(
    processes: Processes, tmp_path: Path
) -> None:
    innwatch = Installation(processes, tmp_path, env={"INNWATCH_MQTT_FAILED_LOGINS": "0"})
    innwatch.start()
    innwatch.furnish()
    device = innwatch.token("device", "grand", "tab-101")
    innwatch.cli("keys", "rotate", "--es256", "--after", "0")
    public = eventually_sync(lambda: jwks(innwatch))
    person = innwatch.person("ann")
    # A tablet's token by HS256, a person's by ES256: each tried at both doors.
    as_device = Ticket("grand/tab-101", "grand/tab-101", device)
    as_person = Ticket("grand/user/ann/1", "grand/user/ann", person.token)
    forgeries = [(ticket, token) for ticket in (as_device, as_person) for token in forged(Known(ticket.token, public))]
    assert len(forgeries) > 500

    assert asyncio.run(answers_by_mqtt(innwatch.mqtt_port, forgeries)) <= {4, 5}
    with httpx.Client(verify=TRUSTS_NOBODY, base_url=innwatch.url, timeout=10) as client:
        codes = {
            client.get("/api/session", headers={"Authorization": f"Bearer {token}"}).status_code
            for _, token in forgeries
        }
    assert codes == {401}

    metrics = plain.get(f"{innwatch.url}/metrics", timeout=10).text
    assert counted(metrics, "innwatch_mqtt_connects_refused_total") == len(forgeries)
    assert counted(metrics, "innwatch_http_tokens_refused_total") == len(forgeries)
    assert innwatch.process is not None
    printed = innwatch.process.output() + metrics
    assert not [token for _, token in forgeries if len(token) > 12 and (token in printed or token[-40:] in printed)]
    # And the genuine ones are as good as ever.
    assert asyncio.run(answers_by_mqtt(innwatch.mqtt_port, [(as_device, device), (as_person, person.token)])) == {0}
    assert person.get("/api/session")["user"] == "ann"


async def answers_by_mqtt(port: int, tries: list[tuple[Ticket, str]]) -> set[int]:
    codes = set()
    for ticket, token in tries:
        client = await RawClient.dial(port)
        codes.add(await client.connect(ticket._replace(token=token)))
        await client.hang_up()
    return codes


def counted(metrics: str, name: str) -> float:
    return sum(float(line.rpartition(" ")[2]) for line in metrics.splitlines() if line.startswith(f"{name}{{"))


def test_a_genuine_token_at_the_wrong_door_opens_nothing(processes: Processes, tmp_path: Path) -> None:
    innwatch = Installation(processes, tmp_path)
    innwatch.start()
    innwatch.furnish()
    innwatch.furnish("annex")
    tablet, foreign = (innwatch.token("device", hotel, "tab-101") for hotel in ("grand", "annex"))
    person = innwatch.person("ann")

    for path in ("/api/devices", "/api/alerts", "/api/session", "/api/rooms", "/api/events", "/api/quarantine"):
        reply = plain.get(f"{innwatch.url}{path}", headers={"Authorization": f"Bearer {tablet}"}, timeout=10)
        assert (path, reply.status_code) == (path, 403)
    heartbeat = {"deviceId": "tab-101", "roomId": "101", "rssi": -60}
    assert person.post("/api/heartbeat", heartbeat).status_code == 403

    wrong = [
        (Ticket("grand/tab-101", "grand/tab-101", ""), person.token),  # a person as a tablet
        (Ticket("grand/user/ann/1", "grand/user/ann", ""), tablet),  # a tablet as a person
        (Ticket("grand/tab-101", "grand/tab-101", ""), foreign),  # the tablet of that name of another hotel
        (Ticket("_/service/bridge/1", "_/service/bridge", ""), tablet),
        (Ticket("_/service/bridge/1", "_/service/bridge", ""), person.token),
    ]
    assert asyncio.run(answers_by_mqtt(innwatch.mqtt_port, wrong)) <= {2, 5}
