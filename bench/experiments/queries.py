"""What people ask of the API, with 10 thousand alerts behind them and with a million: nothing may grow with history.

Real alerts, opened by Reports, are multiplied in the database, once all tablets of the load have fallen silent: each
event changes its hotel's row, and a long statement would look through all those changes for every row of its own.
Each question is asked ASKED times, one after the other. With `--plans FILE` PostgreSQL's plans of the million are
written there.
"""

import re
import statistics
import time
from collections.abc import Callable, Mapping

import httpx

from bench.failure import BenchFailed
from bench.figures import RATE, Findings, Key, Measured
from bench.generator import Load
from bench.house import House
from bench.one_server import OneServer
from store.cursors import encode
from tests.support import eventually_sync

SMALL, LARGE = 10_000, 1_000_000
REPORTS = 100
ASKED = 60

COLUMNS = """
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped AND attname NOT IN ({besides})
"""
ALERTS = """
    INSERT INTO alert (id, status, condition, opened_at, resolved_at, {columns})
    SELECT 'Z' || lpad(n::text, 25, '0'), 'resolved', 'cleared', one.opened_at - n::bigint * 1000000,
        one.opened_at - n::bigint * 1000000 + 500000, {columns}
    FROM (SELECT * FROM alert ORDER BY key LIMIT 1) AS one, generate_series({first}, {last}) AS n
"""
EVENTS = """
    INSERT INTO event (hotel_key, id, alert_key, at, {columns})
    SELECT one.hotel_key, newest.id + row_number() OVER (ORDER BY alert.key), alert.key, alert.opened_at, {columns}
    FROM (SELECT * FROM event WHERE type = 'alert.opened' ORDER BY id LIMIT 1) AS one,
        (SELECT max(id) AS id FROM event) AS newest, alert
    WHERE NOT EXISTS (SELECT 1 FROM event AS told WHERE told.alert_key = alert.key)
"""
HELD = "SELECT key FROM hotel FOR UPDATE"  # nobody else adds events of the same numbers meanwhile
UNCHECKED = "SET session_replication_role = replica"
"""A million times three foreign keys takes a quarter of an hour."""

NEWEST = "UPDATE hotel SET last_event_id = (SELECT max(event.id) FROM event WHERE event.hotel_key = hotel.key)"
CALM_S = "SELECT extract(epoch FROM now()) - max(at) / 1000000 FROM event"
UNTOLD = "SELECT last_event_id - event_id FROM hotel JOIN announced ON announced.hotel_key = hotel.key"
NEARLY_ALL, SETTLED_WITHIN_S = 2_000, 1_200
CHANNEL = """
    INSERT INTO channel (hotel_key, kind, settings, created_at) SELECT key, 'slack', '{}', created_at FROM hotel
"""
NOTICES = """
    INSERT INTO notification (hotel_key, alert_key, channel_key, kind, alert_revision, event_id, state, attempts,
        created_at, finished_at)
    SELECT alert.hotel_key, alert.key, channel.key, 'opened', 1, 1, 'delivered', 1, alert.opened_at, alert.opened_at
    FROM alert JOIN channel ON channel.hotel_key = alert.hotel_key
    WHERE NOT EXISTS (SELECT 1 FROM notification AS told WHERE told.alert_key = alert.key)
"""
PLANS = (
    "ALTER SYSTEM SET auto_explain.log_analyze = on",
    "ALTER SYSTEM SET auto_explain.log_min_duration = 0",
    "SELECT pg_reload_conf()",
)

Question = Callable[[httpx.Client], None]


def measure(house: House) -> Findings:
    with house.one_server() as server:
        tablets, token = server.add_tablets(house.plan.some), server.add_console_token()
        load = Load(
            url=server.broker.mqtt_url,
            tablets=tablets,
            count=house.plan.some,
            seconds=REPORTS / RATE + 1,
            warm_up=1,
            rate=RATE,
            reports=REPORTS,
        )
        house.sampled("alerts to multiply", load, on=server)
        _until(lambda: float(server.sql(CALM_S)) > 20, "nothing happens any more")
        server.sql(CHANNEL)
        small = _asked(server, token, alerts=SMALL, before=0)
        large = _asked(server, token, alerts=LARGE, before=SMALL)
        if house.plan.plans is not None:
            house.plan.plans.write_text(_plans(server, token))
    slowest = max(small, key=lambda name: large[name] / small[name])
    for name, before in small.items():
        print(f"  {name}: {before:.2f} → {large[name]:.2f} ms, × {large[name] / before:.2f}", flush=True)
    return {
        Key.QUERIES: Measured(large[slowest] / small[slowest]),
        Key.QUERIES_SLOWEST: Measured(max(large.values())),
    }


def _asked(server: OneServer, token: str, *, alerts: int, before: int) -> Mapping[str, float]:
    """Have so many alerts, and ask everything: ms by question, the median."""
    _multiply(server, first=before + 1, last=alerts)
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False) as client:
        return {name: _median_ms(question, client) for name, question in _questions(server, client).items()}


def _multiply(server: OneServer, *, first: int, last: int) -> None:
    own = {
        "alert": "'key', 'id', 'status', 'condition', 'opened_at', 'resolved_at'",
        "event": "'hotel_key', 'id', 'alert_key', 'at'",
    }
    columns = {table: server.sql(COLUMNS.format(table=table, besides=besides)) for table, besides in own.items()}
    of_one = ", ".join(f"one.{name}" for name in columns["event"].split(", "))
    events = EVENTS.replace("{columns})", columns["event"] + ")", 1).replace("{columns}", of_one)
    alerts = ALERTS.format(columns=columns["alert"], first=first, last=last)
    told = f"BEGIN; {HELD}; {events}; {NEWEST}; COMMIT"
    server.sql(UNCHECKED, alerts, "ANALYZE", told, "ANALYZE", NOTICES, "VACUUM ANALYZE")
    # While it publishes them it would take its share of the core.
    _until(lambda: int(server.sql(UNTOLD)) < NEARLY_ALL, "the bridge has published the events that were added")


def _until(happened: Callable[[], bool], what: str) -> None:
    try:
        eventually_sync(happened, within=SETTLED_WITHIN_S, every=1)
    except AssertionError:
        raise BenchFailed(f"{what}: not within {SETTLED_WITHIN_S} s") from None


def _questions(server: OneServer, client: httpx.Client) -> Mapping[str, Question]:
    middle = server.sql(
        "SELECT opened_at, key FROM alert ORDER BY opened_at LIMIT 1 OFFSET (SELECT count(*) / 2 FROM alert)"
    )
    cursor = encode(tuple(map(int, middle.split("|"))))
    old = server.sql("SELECT id FROM alert ORDER BY opened_at LIMIT 1")
    newest = int(server.sql("SELECT last_event_id FROM hotel"))
    device = client.get("/api/devices", params={"limit": 1}).raise_for_status().json()["items"][0]["deviceId"]
    return {
        "open alerts": _page("/api/alerts", status="open"),
        "all alerts, newest": _page("/api/alerts", status="all"),
        "all alerts, from the middle": _page("/api/alerts", status="all", cursor=cursor),
        "resolved alerts": _page("/api/alerts", status="resolved"),
        "an old alert and what was done": _page(f"/api/alerts/{old}"),
        "notifications": _page("/api/notifications"),
        "notifications that are being sent, of which there are none": _page("/api/notifications", state="sending"),
        "tablets": _page("/api/devices"),
        "one tablet": _page(f"/api/devices/{device}"),
        "rooms": _page("/api/rooms"),
        "the last 100 events of a stream": _stream(newest - 100),
    }


def _page(path: str, **params: str) -> Question:
    def ask(client: httpx.Client) -> None:
        client.get(path, params=params).raise_for_status()

    return ask


def _stream(after: int) -> Question:
    def ask(client: httpx.Client) -> None:
        with client.stream("GET", "/api/events", headers={"Last-Event-ID": str(after)}) as answer:
            ids = (line for line in answer.iter_lines() if line.startswith("id:"))
            for number, _ in enumerate(ids, start=1):
                if number == 100:
                    return
        raise BenchFailed("the event stream ended early")

    return ask


def _median_ms(question: Question, client: httpx.Client) -> float:
    question(client)
    taken = []
    for _ in range(ASKED):
        begun = time.perf_counter()
        question(client)
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


def _plans(server: OneServer, token: str) -> str:
    """The plan of each question's statements, as PostgreSQL explains what it really did."""
    server.sql(*PLANS)
    text = []
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False) as client:
        for name, question in _questions(server, client).items():
            before = len(server.database_log())
            question(client)
            time.sleep(0.2)
            said = server.database_log()[before:]
            plans = re.findall(r"plan:\n((?:\t.*\n)+)", said)
            text.append(f"== {name}\n\n" + "\n".join(plans))
    return "\n".join(text)
