"""The contract's table of roles, cell by cell, against a running server: over HTTP and over MQTT.

The table is read from docs/contract.md, so what stands there is what is tried. Each row has its probes here, each with
the words of the cells that allow it; a row without probes fails, and so does a word that no probe knows.
"""

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from msgspec import Struct

from tests.broker.raw import RawClient, Ticket
from tests.support import Processes
from tests.support.http import TRUSTS_NOBODY
from tests.system.installation import Installation, heartbeat

CONTRACT = Path(__file__).parents[2] / "docs" / "contract.md"
SCOPES = ("alerts", "events", "rooms", "pms")
NO = "–"


class Probe(Struct, frozen=True, kw_only=True):
    """Something to try. `words` are the cells that allow it; `scope` is what an integrator needs for it."""

    words: frozenset[str]
    scope: str | None = None


class Http(Probe, frozen=True, kw_only=True):
    """A request; `answer` is what comes where it is allowed, else 403."""

    request: str
    body: dict[str, object] | None = None
    answer: int = 200


class Publish(Probe, frozen=True, kw_only=True):
    topic: str


class Subscribe(Probe, frozen=True, kw_only=True):
    topic: str


def words(*allowing: str) -> frozenset[str]:
    return frozenset(allowing)


OWN, DO, READ, WRITE = words("yes"), words("yes"), words("read", "by scope", "write"), words("write")
MAIL: dict[str, object] = {"kind": "email", "recipients": ["{new}@hotel.example"]}
COMMAND = "POST /api/devices/tab-101/commands"


def _short(probe: Probe) -> str:
    match probe:
        case Http(request=request, body=body):
            return f"{request}-{body.get('name', '')}" if body else request
        case Publish(topic=topic):
            return f"publish {topic}"
        case Subscribe(topic=topic):
            return f"subscribe {topic}"
        case _:
            raise AssertionError(probe)


# `{name}` is the identity's own name, `{new}` a word that nobody had before.
ROWS: dict[str, list[Probe]] = {
    "own telemetry, receipts, config, commands": [
        Http(words=OWN, request="POST /api/heartbeat", body={"deviceId": "tab-101", "roomId": "101", "rssi": -60}),
        Http(words=OWN, request="POST /api/alert/breach", body={"deviceId": "tab-101", "roomId": "101", "rssi": -90}),
        Http(words=OWN, request="POST /api/alert/battery", body={"deviceId": "tab-101", "level": 50}),
        Http(words=OWN, request="POST /api/alert/tamper", body={"deviceId": "tab-101", "threats": ["root"]}),
        Http(words=OWN, request="GET /api/config/tab-101"),
        Http(words=OWN, request="POST /api/auth/device-token", body={"deviceId": "tab-101"}),
        *[Publish(words=OWN, topic=f"hotels/grand/devices/tab-101/{kind}")
          for kind in ("heartbeat", "alert", "state", "backlog", "result", "renew")],
        *[Subscribe(words=OWN, topic=f"hotels/grand/devices/tab-101/{kind}")
          for kind in ("receipt", "config", "command", "token")],
    ],
    "the hotel's alerts, events, rooms, status": [
        Http(words=READ, scope="alerts", request="GET /api/alerts"),
        Http(words=READ, scope="alerts", request="GET /api/alerts/none", answer=404),
        Http(words=READ, scope="events", request="GET /api/events"),
        Http(words=READ, scope="rooms", request="GET /api/rooms"),
        Http(words=READ, scope="rooms", request="GET /api/devices"),
        Http(words=READ, scope="rooms", request="GET /api/devices/tab-101"),
        Http(words=READ, scope="rooms", request="GET /api/devices/tab-101/history"),
        Subscribe(words=READ, scope="alerts", topic="hotels/grand/alerts/+"),
        Subscribe(words=READ, scope="events", topic="hotels/grand/events"),
        Subscribe(words=READ, scope="rooms", topic="hotels/grand/devices/+/status"),
        Subscribe(words=READ, scope="rooms", topic="hotels/grand/rooms/+/state"),
    ],
    "acknowledge": [
        Http(words=DO, request="POST /api/alerts/none/acknowledge", body={"note": "mine"}, answer=404),
        Publish(words=DO, topic="hotels/grand/staff/{name}/do"),
        Subscribe(words=DO, topic="hotels/grand/staff/{name}/result"),
    ],
    "commands `ring`, `message`, `locate` / all others": [
        *[Http(words=words("first group", "all"), request=COMMAND, body={"name": name}, answer=201)
          for name in ("ring", "message", "locate")],
        *[Http(words=words("all"), request=COMMAND, body={"name": name}, answer=201)
          for name in ("lock", "unlock", "reboot", "sync", "apply-config")],
        Http(words=words("first group", "all"), request="GET /api/devices/tab-101/commands"),
    ],
    "what was told to whom": [
        Http(words=words("read"), request="GET /api/notifications"),
    ],
    "what was refused": [
        Http(words=words("read"), request="GET /api/quarantine"),
    ],
    "what was done by whom": [
        Http(words=words("read"), request="GET /api/audit"),
    ],
    "users, channels, the way over": [
        *[Http(words=words("read", "write"), request=f"GET /api/{path}")
          for path in ("users", "channels", "migration")],
        Http(words=WRITE, request="POST /api/users", body={"name": "{new}", "role": "viewer"}, answer=201),
        Http(words=WRITE, request="PATCH /api/users/none", body={"role": "staff"}, answer=404),
        Http(words=WRITE, request="DELETE /api/users/none", answer=404),
        *[Http(words=WRITE, request=f"POST /api/users/none/{deed}", answer=404)
          for deed in ("disable", "enable", "password-link")],
        Http(words=WRITE, request="POST /api/channels", body=MAIL, answer=201),
        Http(words=WRITE, request="DELETE /api/channels/999999", answer=404),
        Http(words=WRITE, request="PUT /api/migration/none", body={"sharedToken": False}, answer=404),
    ],
    "rooms, devices, enrolments, integrators": [
        *[Http(words=WRITE, request=f"GET /api/{path}") for path in ("enrolments", "integrators")],
        Http(words=WRITE, request="POST /api/rooms", body={"roomId": "{new}"}, answer=201),
        Http(words=WRITE, request="PATCH /api/rooms/102", body={"name": "Garden"}),
        Http(words=WRITE, request="POST /api/rooms/upsert", body={"roomId": "102"}),
        Http(words=WRITE, request="POST /api/devices", body={"deviceId": "{new}", "roomId": "102"}, answer=201),
        Http(
            words=WRITE,
            request="POST /api/devices/quick-add",
            body={"deviceId": "{new}", "roomId": "102"},
            answer=201,
        ),
        Http(words=WRITE, request="PATCH /api/devices/tab-102", body={"name": "Wall"}),
        Http(words=WRITE, request="DELETE /api/devices/none", answer=404),
        Http(words=WRITE, request="POST /api/devices/tab-102/move", body={"roomId": "102"}),
        Http(words=WRITE, request="POST /api/devices/none/replace", body={}, answer=404),
        Http(words=WRITE, request="POST /api/devices/tab-102/revoke"),
        Http(words=WRITE, request="POST /api/enrolments", body={"roomId": "101"}, answer=201),
        *[Http(words=WRITE, request=f"POST /api/enrolments/none/{deed}", answer=404)
          for deed in ("approve", "withdraw")],
        Http(words=WRITE, request="POST /api/integrators", body={"name": "{new}"}, answer=201),
        Http(words=WRITE, request="PATCH /api/integrators/none", body={"scopes": []}, answer=404),
        Http(words=WRITE, request="DELETE /api/integrators/none", answer=404),
        *[Http(words=WRITE, request=f"POST /api/integrators/none/{deed}", answer=404) for deed in ("rotate", "revoke")],
    ],
    "every hotel": [
        Http(words=words("yes"), request="POST /api/auth/switch", body={"hotelId": "annex"}),
    ],
    "`pms` in, and its answers": [
        Publish(words=words("by scope"), scope="pms", topic="hotels/grand/pms/{name}/in/checkin"),
        Subscribe(words=words("by scope"), scope="pms", topic="hotels/grand/pms/{name}/result"),
    ],
    "what the `pms` sent": [
        Subscribe(words=words("read"), topic="hotels/grand/pms/+/in/+"),
    ],
    "clearance": [
        Subscribe(words=words("read", "by scope"), scope="pms", topic="hotels/grand/clearance/+"),
    ],
    "`ext/{name}/#`": [
        Publish(words=words("yes"), topic="hotels/grand/ext/{name}/door"),
        Subscribe(words=words("yes", "read"), topic="hotels/grand/ext/{name}/#"),
        Subscribe(words=words("read"), topic="hotels/grand/ext/+/#"),
    ],
}  # fmt: skip


def table() -> Iterator[tuple[str, str, str]]:
    """The cells of the contract's table: row, column, word."""
    lines = CONTRACT.read_text().partition("\n## 5. Identity\n")[2].splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("| | device |"))
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in itertools.takewhile(lambda line: line.startswith("|"), lines[start:])
    ]
    header, _, *body = rows
    for label, *cells in body:
        yield from ((label, column, word) for column, word in zip(header[1:], cells, strict=True))


CELLS = list(table())
TRIALS = [
    pytest.param(column, word, probe, id=f"{column}-{_short(probe)}")
    for row, column, word in CELLS
    for probe in ROWS.get(row, [])
]


def test_every_row_has_its_probes_and_every_word_is_one_of_theirs() -> None:
    assert {row for row, _, _ in CELLS} == ROWS.keys()
    for row, column, word in CELLS:
        known = {NO}.union(*(probe.words for probe in ROWS[row]))
        assert word in known, f"{row}, {column}"


class Identity(Struct, frozen=True):
    """`subject` is the user name of MQTT."""

    subject: str
    token: str

    @property
    def name(self) -> str:
        return self.subject.rpartition("/")[2]

    @property
    def ticket(self) -> Ticket:
        own = self.subject if self.subject.count("/") == 1 else f"{self.subject}/{next(_numbers)}"
        return Ticket(own, self.subject, self.token)


_numbers = itertools.count(1)


class Desk:
    """A running server and everybody of the hotel `grand`."""

    def __init__(self, innwatch: Installation) -> None:
        self._innwatch = innwatch
        self._known: dict[str, Identity] = {}
        innwatch.start()
        innwatch.furnish(rooms=2)
        login = innwatch.first_login()
        self._known["admin"] = Identity(f"grand/user/{login['username']}", innwatch.admin("grand").token)
        self._known["device"] = Identity("grand/tab-101", innwatch.token("device", "grand", "tab-101"))
        for role in ("viewer", "staff", "manager"):
            self._known[role] = Identity(f"grand/user/{role}", innwatch.person(role, role=role).token)
        innwatch.cli("hotel", "add", "annex")
        admin = innwatch.admin("grand")
        for scopes in (set(SCOPES), *({one} for one in SCOPES), *(set(SCOPES) - {one} for one in SCOPES)):
            name = "-".join(sorted(scopes))
            issued = admin.post("/api/integrators", {"name": name, "scopes": sorted(scopes)}).json()
            self._known[name] = Identity(f"grand/integrator/{name}", issued["token"])

    def who(self, column: str, probe: Probe, *, word: str) -> list[tuple[Identity, bool]]:
        """Those to whom a cell applies, and whether it allows them the probe.

        Of integrators those are one with nothing but the scope and one with everything but it.
        """
        allowed = word in probe.words
        if column != "integrator":
            return [(self._known[column], allowed)]
        if probe.scope is None or not allowed:
            return [(self._known["-".join(sorted(SCOPES))], allowed)]
        others = "-".join(sorted(set(SCOPES) - {probe.scope}))
        return [(self._known[probe.scope], True), (self._known[others], False)]

    async def try_(self, probe: Probe, identity: Identity) -> bool:
        """Whether it was allowed; an answer that says neither fails."""
        match probe:
            case Http():
                return await self._ask(probe, identity)
            case Publish():
                return await self._publish(probe.topic.format(name=identity.name), identity)
            case Subscribe():
                return await self._subscribe(probe.topic.format(name=identity.name), identity)
            case _:
                raise AssertionError(probe)

    async def _ask(self, probe: Http, identity: Identity) -> bool:
        method, _, path = probe.request.partition(" ")
        headers = {"Authorization": f"Bearer {identity.token}"}
        body = {key: _new(value) for key, value in (probe.body or {}).items()}
        async with (
            httpx.AsyncClient(verify=TRUSTS_NOBODY, base_url=self._innwatch.url, headers=headers, timeout=10) as client,
            client.stream(method, path, json=body if probe.body is not None else None) as answer,
        ):
            if answer.status_code not in {probe.answer, 403}:
                await answer.aread()
                raise AssertionError(f"{probe.request}: {answer.status_code} {answer.text}")
            return answer.status_code == probe.answer

    async def _publish(self, topic: str, identity: Identity) -> bool:
        client = await self._connected(identity)
        try:
            await client.publish(topic, heartbeat(bssid="02:00:5e:00:00:65").encode(), packet_id=7)
            await client.expect_puback(7)
        except (asyncio.IncompleteReadError, ConnectionError):
            return False
        finally:
            client.cut()
        return True

    async def _subscribe(self, topic: str, identity: Identity) -> bool:
        client = await self._connected(identity)
        (code,) = await client.subscribe(topic)
        client.cut()
        assert code in {1, 0x80}
        return code == 1

    async def _connected(self, identity: Identity) -> RawClient:
        client = await RawClient.dial(self._innwatch.mqtt_port)
        assert await client.connect(identity.ticket) == 0
        return client


def _new(value: object) -> object:
    if isinstance(value, list):
        return [_new(one) for one in value]
    return value.replace("{new}", f"new-{next(_numbers)}") if isinstance(value, str) else value


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("roles")
    processes = Processes(folder)
    try:
        yield Desk(Installation(processes, folder))
    finally:
        processes.end()


@pytest.mark.parametrize(("column", "word", "probe"), TRIALS)
async def test_a_cell_is_what_the_server_does(desk: Desk, column: str, word: str, probe: Probe) -> None:
    for identity, allowed in desk.who(column, probe, word=word):
        assert await desk.try_(probe, identity) is allowed, identity.subject
