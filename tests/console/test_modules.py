"""The console's modules that draw nothing, run where they will run: in a browser."""

import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route

from api.settings import CONSOLE
from rules.alerts import Because, Rule, Severity
from rules.clearance import Clear, Finding
from rules.hindsight import Level
from rules.incident import Outage
from rules.policy import Policy, Profile
from rules.state import LinkState, Posture, Power
from rules.thresholds import THRESHOLDS, Threshold, Unit
from store.records import EventType
from tests.rules.test_words import DURATIONS

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="module")]

SITE = "http://console.test"
LASTING = ("seconds", "minutes", "hours")
NEWEST = 2_000_000_000_000  # ms: the clock of these tests


class Modules:
    """The console's folder as a site of its own, with an empty page to run its modules in."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def run(self, module: str, function: str, argument: object = None) -> Any:  # noqa: ANN401, whatever it says
        """Call `function(module, argument)` in the browser and return what it returns."""
        call = f"async (argument) => ({function})(await import('{SITE}/{module}'), argument)"
        return await self._page.evaluate(call, argument)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def modules(browser: Browser) -> AsyncIterator[Modules]:
    page = await browser.new_page()
    await page.route(f"{SITE}/**", from_the_folder)
    await page.goto(SITE)
    yield Modules(page)
    await page.close()


async def from_the_folder(route: Route) -> None:
    name = route.request.url.removeprefix(f"{SITE}/")
    if name:
        await route.fulfill(body=Path(CONSOLE, name).read_bytes(), content_type="text/javascript")
    else:
        await route.fulfill(body="<!doctype html>", content_type="text/html")


# -- words


async def test_a_reason_without_figures_makes_sense_too(modules: Modules) -> None:
    said: list[str] = await modules.run(
        "words.js", "(words, all) => all.map((because) => words.reason({ because }))", [one.value for one in Because]
    )

    assert [sentence for sentence in said if re.search("undefined|null|NaN", sentence)] == []


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (
            {"because": "signal-below-floor", "observed": -84.4, "limit": -78, "samples": 3},
            "Signal of \N{MINUS SIGN}84 dBm, where this room needs at least \N{MINUS SIGN}78 dBm, 3 times in a row",
        ),
        ({"because": "nothing-heard", "observed": 25, "limit": 18}, "Nothing heard for 25 s (allowed: 18 s)"),
        ({"because": "battery-low", "observed": 18, "limit": 20}, "Battery at 18 %, the limit is 20 %"),
        ({"because": "reported", "cause": "usb-debug"}, "The tablet reported it itself: USB debugging is on"),
        ({"because": "reported", "cause": "moon-phase"}, "The tablet reported it itself: moon phase"),
        ({"because": "struck-by-lightning"}, "Struck by lightning"),
    ],
)
async def test_a_reason_is_said_with_what_was_seen(modules: Modules, reason: dict[str, object], sentence: str) -> None:
    assert await modules.run("words.js", "(words, reason) => words.reason(reason)", reason) == sentence


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("SEVERITY", Severity),
        ("LINK", LinkState),
        ("POSTURE", Posture),
        ("POWER", Power),
        ("HEADLINES", Rule),
        ("REASONS", Because),
        ("DECIDED_BY", Level),
        ("STEPS", [type_ for type_ in EventType if type_.startswith(("alert.", "notification."))]),
    ],
)
async def test_every_value_on_the_wire_has_a_word(modules: Modules, table: str, values: list[str]) -> None:
    known = await modules.run("words.js", "(words, table) => Object.keys(words[table])", table)

    assert set(values) <= set(known)


async def test_every_verdict_and_finding_of_a_clearance_has_a_word(modules: Modules) -> None:
    known = await modules.run("clearance.js", "(words) => [words.VERDICTS, words.FINDINGS].flatMap(Object.keys)")

    assert {*Clear, *Finding} <= set(known)


# -- thresholds and the hotel's clock


async def test_the_page_knows_every_threshold_and_its_limits(modules: Modules) -> None:
    known: dict[str, dict[str, object]] = await modules.run("thresholds.js", "({ THRESHOLDS }) => THRESHOLDS")

    assert known == {name: as_the_page_has_it(one, known.get(name, {})) for name, one in THRESHOLDS.items()}


def as_the_page_has_it(one: Threshold, shown: Mapping[str, object]) -> dict[str, object]:
    """The page shows a duration in whichever unit suits it, and a choice by words of its own."""
    said: dict[str, object] = {"words": one.words, "means": one.means}
    if one.unit is None:
        choices = shown.get("choices")
        assert isinstance(choices, list)
        assert sorted(str(value).lower() for value, _ in choices) == sorted(one.choices)
        return {**said, "choices": choices}
    unit = shown.get("unit") if one.unit is Unit.TIME and shown.get("unit") in LASTING else one.unit.name.lower()
    whole = {"whole": True} if one.whole else {}
    return {**said, "unit": unit, "least": one.least, "most": one.most, **whole}


@pytest.mark.parametrize(
    ("name", "text", "read"),
    [
        ("rssiFloor", " \N{MINUS SIGN}72,5 ", {"value": -72.5}),
        ("silenceCriticalAfter", "5", {"value": 300}),
        ("neverSeenAfter", "0.1", {"wrong": "This must be 10 min to 720 h."}),
        ("misfitShare", "70", {"value": 0.7}),
        ("docked", "false", {"value": False}),
        ("batteryLow", "", {"value": None}),
        ("batteryLow", "low", {"wrong": "This is a number, 1 to 90 %."}),
        ("backlogLongest", "100001", {"wrong": "This must be 1 to 100000 messages."}),
        ("backlogLongest", "50,000", {"wrong": "This may mean 50000 or 50: write one of them."}),
        ("silenceHighAfter", "1.800", {"wrong": "This may mean 1800 or 1.8: write one of them."}),
        ("silenceCriticalAfter", "1.125", {"value": 67.5}),
        ("takeOvers", "2.5", {"wrong": "This must be a whole number."}),
    ],
)
async def test_a_threshold_is_read_as_people_write_it(
    modules: Modules, name: str, text: str, read: dict[str, object]
) -> None:
    assert await modules.run("thresholds.js", "({ read }, [name, text]) => read(name, text)", [name, text]) == read


async def test_a_grace_that_nobody_says_is_shown_as_the_profiles(modules: Modules) -> None:
    said = await modules.run(
        "thresholds.js",
        "({ inForce }, profiles) => profiles.map((one) => inForce('silenceGrace', undefined, one))",
        list(Profile),
    )

    graces = [Policy(profile=one).grace for one in Profile]
    assert said == [f"{grace.total_seconds():g} s, by the profile" for grace in graces]


@pytest.mark.parametrize(
    ("field", "moment", "back"),
    [
        ("2026-11-23T20:00", "2026-11-23T19:00:00.000Z", "2026-11-23T20:00"),
        ("2026-10-25T02:30", "2026-10-25T00:30:00.000Z", "2026-10-25T02:30"),  # twice: the first
        ("2026-03-29T02:30", "2026-03-29T01:30:00.000Z", "2026-03-29T03:30"),  # never
    ],
)
async def test_a_field_for_a_moment_is_on_the_hotels_clock(
    modules: Modules, field: str, moment: str, back: str
) -> None:
    said = await modules.run(
        "wallclock.js",
        """({ fromField, toField }, field) => {
            const moment = fromField(field, "Europe/Vienna");
            return [new Date(moment).toISOString(), toField(moment, "Europe/Vienna")];
        }""",
        field,
    )

    assert said == [moment, back]


@pytest.mark.parametrize(
    ("result", "verdict", "effort"),
    [
        ({"inputs": 0}, "Nothing is stored of that time: there was nothing to judge.", None),
        ({"kept": 0}, "Nothing would have been different: no alert, as it was.", None),
        ({"kept": 1}, "Nothing would have been different: 1 alert as it was.", None),
        (
            {"kept": 4, "tookS": 0.4},
            "Nothing would have been different: 4 alerts as they were.",
            "1,037 messages and deadlines judged in less than a second.",
        ),
        (
            {"kept": 1, "gainedCount": 2, "tookS": 63},
            "2 alerts more and 0 less; 1 stays as it was.",
            "1,037 messages and deadlines judged in 1 min.",
        ),
    ],
)
async def test_what_came_of_a_replay_is_said_in_a_sentence(
    modules: Modules, result: dict[str, object], verdict: str, effort: str | None
) -> None:
    one = {"inputs": 1037, "gainedCount": 0, "lostCount": 0, "tookS": 2, **result}
    said = await modules.run("views/outcomes.js", "(words, one) => [words.verdict(one), words.effort(one)]", one)

    assert said[0] == verdict
    assert effort in (None, said[1])


# -- the event stream

STREAM = (
    "\ufeff: hello\n\n"
    "id: 7\nevent: alert.opened\ndata: one\n\n"
    "data: two\r\ndata:three\r\n\r\n"
    "event: nothing\n\n"
    "id: 8\rdata: four\r\r"
    "data: never ended"
)
EVENTS = [["7", "alert.opened", "one"], ["7", "message", "two\nthree"], ["8", "message", "four"]]


async def test_the_stream_is_read_alike_however_it_is_cut(modules: Modules) -> None:
    differing = await modules.run(
        "sse.js",
        """({ parser }, { stream, events }) => [...stream].map((_, cut) => {
            const read = [];
            const feed = parser(({ id, type, data }) => read.push([id, type, data]));
            feed(stream.slice(0, cut));
            feed(stream.slice(cut));
            return [cut, JSON.stringify(read)];
        }).filter(([, read]) => read !== JSON.stringify(events))""",
        {"stream": STREAM, "events": EVENTS},
    )

    assert differing == []


# -- the store


def alert(number: int, *, revision: int = 1, severity: str = "high", status: str = "open") -> dict[str, object]:
    return {
        "id": f"alert-{number}",
        "revision": revision,
        "severity": severity,
        "status": status,
        "openedAt": "",
        "why": [],
    }


TOLD = """({ Store }, steps) => {
    const alarms = [];
    const store = new Store({ alarm: (alert) => alarms.push(`${alert.id} ${alert.severity}`) });
    const marks = {};
    for (const [verb, ...given] of steps) {
        if (verb === "mark") marks.here = store.mark();
        else if (verb === "openAlerts") store.openAlerts(given[0], marks.here);
        else if (verb === "fleet") store.fleet([], given[0], marks.here);
        else store[verb](...given);
    }
    const shown = [...store.alerts.values()].map(({ id, revision }) => `${id} r${revision}`);
    return { shown, alarms, ended: [...store.resolved.keys()], devices: [...store.devices.values()] };
}"""


async def told(modules: Modules, *steps: list[object]) -> dict[str, Any]:
    """Return what a store knows after these calls of its verbs."""
    knows: dict[str, Any] = await modules.run("store.js", TOLD, list(steps))
    return knows


async def test_an_older_revision_never_overwrites_a_newer_one(modules: Modules) -> None:
    knows = await told(modules, ["alert", alert(1, revision=3)], ["alert", alert(1, revision=2)])

    assert knows["shown"] == ["alert-1 r3"]


async def test_an_emptied_topic_ends_the_alert_and_a_late_list_does_not_bring_it_back(modules: Modules) -> None:
    knows = await told(modules, ["alert", alert(1)], ["mark"], ["alertGone", "alert-1"], ["openAlerts", [alert(1)]])

    assert knows["shown"] == []
    assert knows["ended"] == ["alert-1"]


async def test_an_alert_that_opens_again_is_back(modules: Modules) -> None:
    knows = await told(modules, ["alert", alert(1)], ["alertGone", "alert-1"], ["alert", alert(1, revision=3)])

    assert knows["shown"] == ["alert-1 r3"]
    assert knows["ended"] == []


async def test_what_a_list_no_longer_has_was_resolved_while_nobody_listened(modules: Modules) -> None:
    knows = await told(modules, ["alert", alert(1)], ["alert", alert(2)], ["mark"], ["openAlerts", [alert(2)]])

    assert knows["shown"] == ["alert-2 r1"]


async def test_an_alert_that_came_live_while_the_list_travelled_stays(modules: Modules) -> None:
    knows = await told(modules, ["mark"], ["alert", alert(1)], ["openAlerts", []])

    assert knows["shown"] == ["alert-1 r1"]


async def test_a_status_that_came_live_outlives_an_older_list_which_adds_what_it_alone_knows(modules: Modules) -> None:
    listed = {"deviceId": "tab-1", "link": "online", "floor": "2", "agent": "1.4"}
    knows = await told(modules, ["mark"], ["device", {"deviceId": "tab-1", "link": "silent"}], ["fleet", [listed]])

    (device,) = knows["devices"]
    assert (device["link"], device["floor"], device["agent"]) == ("silent", "2", "1.4")


async def test_an_incident_is_shown_as_it_is_until_it_is_over(modules: Modules) -> None:
    steps = """(stores, revisions) => {
        const store = new stores.Store();
        const shown = [];
        for (const [revision, closedAt] of revisions) {
            store.incident({ id: "I1", revision, closedAt });
            shown.push([...store.incidents.values()].map((one) => one.revision));
        }
        return shown;
    }"""
    over = "2026-11-23T03:00:00Z"
    assert await modules.run("store.js", steps, [[2, None], [1, None], [3, over], [1, None]]) == [[2], [2], [], []]
    words = "(words, incidents) => incidents.map(words.outage)"
    floor = {"scope": "floor", "place": "1", "members": 40, "back": 0}
    hotel = {"scope": "hotel", "place": None, "members": 9, "back": 2, "acknowledged": {"by": "sam"}}
    assert await modules.run("words.js", words, [floor, hotel]) == [
        "Floor 1: 40 tablets silent at once",
        "The whole hotel: 7 of 9 tablets still silent, sam has it",
    ]


async def test_lists_that_were_asked_for_before_do_not_end_an_outage_nor_bring_one_back(modules: Modules) -> None:
    steps = """(stores, [closed]) => {
        const store = new stores.Store();
        const news = [];
        const note = () => news.push([[...store.outages], [...store.pastIncidents.keys()]]);
        const asked = store.mark();
        store.incident({ id: "I1", revision: 1, closedAt: null });
        store.incident({ id: "I2", revision: 2, closedAt: closed });
        store.readIncidents([{ id: "I2", revision: 1, closedAt: null }], [], asked);
        note();
        store.readIncidents([], [{ id: "I1", revision: 3, closedAt: closed }], store.mark());
        note();
        return news;
    }"""
    assert await modules.run("store.js", steps, ["2026-11-23T03:00:00Z"]) == [[["I1"], ["I2"]], [[], ["I2", "I1"]]]


async def test_of_a_room_the_newest_word_stands_with_whoever_asked(modules: Modules) -> None:
    steps = """(stores, words) => {
        const store = new stores.Store();
        return words.map(([at, askedBy]) => {
            store.clearance({ clearance: { roomId: "101", at }, askedBy });
            const { clearance, askedBy: by } = store.clearances.get("101");
            return [clearance.at, by];
        });
    }"""
    first, second = "2026-11-23T03:00:00.1Z", "2026-11-23T03:20:00Z"
    told = await modules.run("store.js", steps, [[first, None], [first, "opera"], [second, None], [first, "opera"]])
    assert told == [[first, None], [first, "opera"], [second, "opera"], [second, "opera"]]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, []),
        ({"condition": "cleared"}, ["Waits for a person"]),
        ({"flapping": True, "reopened": 3}, ["Comes and goes", "Again, 3 times"]),
        ({"suppressedBy": "maintenance"}, ["In maintenance"]),
        ({"incidentId": "I1"}, ["Part of an outage"]),
        ({"incidentId": "I9"}, []),
        ({"why": [{"because": "wifi-off", "since": "2026-11-23T03:00:00Z"}]}, ["Told late"]),
        ({"why": [{"because": "wifi-off"}]}, []),
        ({"acknowledged": {"by": "ida"}, "assignee": "ben", "snoozedUntil": "x"}, ["For ben", "Snoozed"]),
        ({"status": "resolved", "reopened": 1, "flapping": True}, ["Again"]),
    ],
)
async def test_an_alert_has_the_signs_of_its_life(
    modules: Modules, fields: dict[str, object], words: list[str]
) -> None:
    alert = {"status": "open", "condition": "active", "reopened": 0, "why": [], **fields}
    told = await modules.run(
        "signs.js", "(signs, alert) => signs.signs(alert, new Set(['I1'])).map(([, said]) => said)", alert
    )
    assert told == words


@pytest.mark.parametrize(
    ("incident", "said"),
    [
        ({"members": 40, "back": 0}, "40 of 40 tablets still silent"),
        ({"members": 40, "back": 39, "lost": 1, "closedAt": "x"}, "1 of 40 tablets did not return"),
        ({"members": 3, "back": 3, "lost": 0, "closedAt": "x"}, "All 3 tablets came back"),
        ({"members": 3, "back": 2, "lost": 0, "closedAt": "x"}, "2 of 3 tablets came back"),
        (
            {"members": 3, "back": 0, "closedAt": "x", "partOf": "I0"},
            "It became part of a wider outage",
        ),
    ],
)
async def test_how_an_outage_stands_is_said_in_a_sentence(
    modules: Modules, incident: dict[str, object], said: str
) -> None:
    assert await modules.run("outages.js", "(words, one) => words.standing(one)", incident) == said


async def test_an_outage_that_is_over_is_told_as_past(modules: Modules) -> None:
    told = """(words, [kinds, closedAt]) => kinds.flatMap((rule) => [null, closedAt].map((at) => {
        const one = { rule, closedAt: at, why: [{ because: "hotel-silent" }, { because: "still-firing" }] };
        return [words.kind(one), words.whyOf(one).length];
    }))"""
    said = await modules.run("outages.js", told, [list(Outage), "2026-11-23T03:00:00Z"])
    assert said[:4] == [
        ["Part of the hotel is not heard", 2],
        ["Part of the hotel was not heard", 1],
        ["Most of the hotel is not heard", 2],
        ["Most of the hotel was not heard", 1],
    ]
    assert "did not come back" in said[5][0]


async def test_only_what_is_new_or_graver_sounds_the_alarm_and_not_the_first_list(modules: Modules) -> None:
    knows = await told(
        modules,
        ["mark"],
        ["openAlerts", [alert(1, severity="high")]],
        ["set", {"loaded": True}],
        ["alert", alert(1, revision=2, severity="high")],
        ["alert", alert(1, revision=3, severity="critical")],
        ["alert", alert(1, revision=4, severity="high")],
        ["alert", alert(2, severity="high")],
    )

    assert knows["alarms"] == ["alert-1 critical", "alert-2 high"]


async def test_the_gravest_comes_first_and_among_equals_the_one_that_waited_longest(modules: Modules) -> None:
    order = await modules.run(
        "store.js",
        "({ byUrgency }, alerts) => alerts.sort(byUrgency).map(({ id }) => id)",
        [
            {"id": "low", "severity": "low", "openedAt": "2026-11-23T08:00:00Z"},
            {"id": "young", "severity": "critical", "openedAt": "2026-11-23T10:00:00Z"},
            {"id": "old", "severity": "critical", "openedAt": "2026-11-23T09:00:00+00:00"},
            {"id": "info", "severity": "info", "openedAt": "2026-11-23T07:00:00Z"},
        ],
    )

    assert order == ["old", "young", "low", "info"]


# -- the judgement behind the banner

FRESH, STALE = "2033-05-18T03:33:30Z", "2033-05-18T03:33:10Z"  # ten seconds after and before NEWEST
LONG_AGO = NEWEST - 60_000


def link(via: str | None, *, since: int = LONG_AGO, ever: bool = True) -> dict[str, object]:
    return {"via": via, "since": since, "heard": since, "ever": ever}


def monitor(state: str = "watching", until: str = FRESH) -> dict[str, object]:
    return {"state": state, "why": "because", "since": STALE, "validUntil": until}


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        ({"link": link("websocket"), "monitor": monitor()}, None),
        ({"link": link("websocket"), "monitor": monitor(until=STALE)}, "blind"),
        ({"link": link("websocket"), "monitor": monitor("degraded")}, "degraded"),
        ({"link": link("websocket"), "monitor": monitor("blind")}, "blind"),
        ({"link": link("websocket", since=NEWEST)}, None),
        ({"link": link("websocket")}, "blind"),
        ({"link": link("stream"), "health": {"ready": True, "why": "", "at": NEWEST}}, None),
        ({"link": link("stream"), "health": {"ready": False, "why": "no bridge", "at": NEWEST}}, "blind"),
        ({"link": link("stream"), "health": {"ready": True, "why": "", "at": LONG_AGO}}, "blind"),
        (
            {"link": link("stream"), "health": {"ready": True, "why": "", "at": NEWEST}, "monitor": monitor("blind")},
            "blind",
        ),
        ({"link": link("stream")}, "blind"),
        ({"link": link(None), "monitor": monitor()}, "blind"),
        ({"link": link(None, since=NEWEST - 500), "monitor": monitor()}, None),
        ({"link": link(None, since=NEWEST - 3000, ever=False)}, None),
        ({"link": link(None, ever=False)}, "blind"),
    ],
)
async def test_the_page_may_be_trusted_only_while_somebody_watches_and_we_hear_of_it(
    modules: Modules, known: dict[str, object], verdict: str | None
) -> None:
    judged = await modules.run(
        "watch.js", "({ judge }, known) => judge(known)?.state ?? null", {**known, "now": NEWEST}
    )

    assert judged == verdict


# -- times and places


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-3, "0 s"), (0.9, "0 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h"), (11100, "3 h 5 min"), (187200, "2 d 4 h")],
)
async def test_a_span_takes_two_units_at_most(modules: Modules, seconds: float, words: str) -> None:
    assert await modules.run("time.js", "({ span }, seconds) => span(seconds * 1000)", seconds) == words


async def test_how_long_something_lasted_is_said_as_in_notices(modules: Modules) -> None:
    said = await modules.run(
        "words.js", "({ duration }, all) => all.map(duration)", [seconds for seconds, _ in DURATIONS]
    )

    assert said == [words for _, words in DURATIONS]


async def test_where_nothing_was_heard_there_is_no_line(modules: Modules) -> None:
    runs = await modules.run(
        "time.js",
        """({ unbroken }, seconds) => {
            const heard = seconds.map((second) => ({ second, at: new Date(1000 * second).toISOString() }));
            return unbroken(heard).map((run) => run.map(({ second }) => second));
        }""",
        [0, 10, 20, 49, 60, 160, 170],
    )

    assert runs == [[0, 10, 20, 49, 60], [160, 170]]


async def test_moments_are_told_on_the_hotels_clock_with_the_day_when_it_is_another(modules: Modules) -> None:
    told = await modules.run(
        "time.js",
        """({ calendar }, moments) => {
            const at = calendar("Europe/Rome");
            return moments.map((moment) => at(moment, Date.parse("2026-11-23T22:30Z")));
        }""",
        ["2026-11-23T08:05:09Z", "2026-11-22T22:30:00Z"],
    )

    assert told == ["09:05:09", "Sun 22 Nov, 23:30:00"]


async def test_floors_and_rooms_stand_in_the_order_of_the_house(modules: Modules) -> None:
    floors = await modules.run(
        "fleet.js",
        "({ byFloor }, all) => byFloor(all).map(({ floor, devices }) => [floor, devices.map(({ roomId }) => roomId)])",
        [
            {"deviceId": "a", "roomId": "1002", "floor": "10"},
            {"deviceId": "b", "roomId": "lobby", "floor": None},
            {"deviceId": "c", "roomId": "210", "floor": "2"},
            {"deviceId": "d", "roomId": "29", "floor": "2"},
        ],
    )

    assert floors == [["2", ["29", "210"]], ["10", ["1002"]], ["", ["lobby"]]]
