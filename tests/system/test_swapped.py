"""Two tablets that were put into each other's room: one alert that names both, and one deed that puts it right."""

import pytest

from tests.support import eventually_sync
from tests.system.conftest import Install
from tests.system.installation import Shape, StoppedClock, bssid_of
from tests.system.test_restart_and_silence import tablets

pytestmark = pytest.mark.server

HALF_AN_HOUR = 60
"""In heartbeats, one each 30 s of the clock."""


def test_two_swapped_tablets_are_one_alert_and_its_fix_moves_both(install: Install, clock: StoppedClock) -> None:
    innwatch = install(Shape.EMBEDDED, env=clock.env)
    innwatch.start("--for-tests")
    innwatch.furnish(rooms=2)
    boss = innwatch.person("boss", role="manager")
    with tablets(innwatch, 101, 102) as both:
        for tablet in both:
            tablet.come()

        def beat(seconds: float) -> None:
            """Both are heard, so much later by the clock."""
            clock.pass_by(seconds)
            for tablet in both:
                tablet.say(bssid=bssid_of(203 - tablet.number))

        def told() -> list[tuple[str, str]]:
            return [(alert["id"], alert["rule"]) for alert in boss.open_alerts() if alert["family"] == "room"]

        def told_after_a_while() -> list[tuple[str, str]]:
            """In many small steps: the bridge looks once a second, by a clock that nobody moves."""
            beat(1)
            return told()

        for _ in range(HALF_AN_HOUR):
            beat(30)
        assert told() == []
        for _ in range(2):
            beat(30)
        ((alert, rule),) = eventually_sync(told_after_a_while)
        assert rule == "room.swapped"
        named = boss.get(f"/api/alerts/{alert}")
        assert {named["deviceId"], named["why"][0]["observed"]} == {"tab-101", "tab-102"}

        fixed = boss.post(f"/api/alerts/{alert}/fix", {})
        assert fixed.status_code == 200
        assert {one["deviceId"]: one["roomId"] for one in fixed.json()["moved"]} == {"tab-101": "102", "tab-102": "101"}
        eventually_sync(lambda: not told_after_a_while())
