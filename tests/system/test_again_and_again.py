"""One alert that fires again and again, over the running process: reopened, flapping, calm at last."""

from contextlib import ExitStack
from datetime import timedelta

from tests.support import eventually_sync
from tests.system.conftest import Install
from tests.system.installation import Shape, StoppedClock, tablets_clock
from tests.system.receivers import webhook
from tests.system.test_late_truth import notices, tablets


def test_what_comes_and_goes_is_one_alert_and_over_when_it_was_heard_to_be_calm(
    install: Install, clock: StoppedClock
) -> None:
    with webhook() as slack, ExitStack() as stack:
        innwatch = install(Shape.EMBEDDED, env=clock.env)
        innwatch.start("--for-tests")
        innwatch.furnish("grand", profile="normal", channels=("--slack-webhook", slack.url))
        sam, (tablet,) = innwatch.person("sam"), stack.enter_context(tablets(innwatch, ("grand", 101)))
        tablet.come()
        tablet.beat()

        # It is reported, it is over, it is reported again: one alert, of which each time is told.
        tablet.say("alert", kind="breach", cause="weak-signal")
        eventually_sync(lambda: len(slack.posts) == 1)
        (opened,) = sam.open_alerts()
        tablet.say("alert", kind="recovery", cause="weak-signal")
        eventually_sync(lambda: len(slack.posts) == 2)
        assert sam.open_alerts() == []
        clock.pass_by(20)
        tablet.beat()
        tablet.say("alert", kind="breach", cause="weak-signal")
        eventually_sync(lambda: len(slack.posts) == 3)
        (again,) = sam.open_alerts()
        assert (again["id"], again["reopened"], again["openedAt"]) == (opened["id"], 1, opened["openedAt"])

        # The fourth turn is one too many: it is held open, that is told once, and no turn after it.
        tablet.say("alert", kind="recovery", cause="weak-signal")
        eventually_sync(lambda: len(slack.posts) == 4)
        for kind in ("breach", "recovery"):
            tablet.say("alert", kind=kind, cause="weak-signal")
        (held,) = sam.open_alerts()
        assert (held["id"], held["flapping"], held["condition"]) == (opened["id"], True, "active")

        # A quarter of an hour of rest: what is not heard is not calm, and what is heard of a tablet that dozes is.
        for seconds in (540, 361):
            doze = (tablets_clock.now() + timedelta(minutes=10)).isoformat()
            tablet.say("state", state="sleeping", reason="screen-off", wakeBy=doze)
            clock.pass_by(seconds)
            assert [alert["id"] for alert in sam.open_alerts()] == [opened["id"]]
            tablet.beat(screenOn=False)
        eventually_sync(lambda: sam.open_alerts() == [])
        eventually_sync(lambda: len(slack.posts) == 5)
        assert notices(sam) == ["flapping", "opened", "recovered", "recovered", "reopened"]
