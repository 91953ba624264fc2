"""What became of an alert is told on the command line in words, not by the names of events."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from config.cli.life import CHANNELS, NOTICES, STATES, STEPS, step_in_words
from rules.incident import Outage, Scope
from rules.words import OUT, WAS_OUT
from store.records import ChannelKind, EventType, IncidentStep, NoticeKind, NotificationState, TimelineEntry

AT = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (STEPS, [one for one in EventType if one.startswith(("alert.", "incident.", "notification."))]),
        (CHANNELS, ChannelKind),
        (NOTICES, NoticeKind),
        (STATES, NotificationState),
        (OUT, Outage),
        (WAS_OUT, Outage),
    ],
)
def test_everything_that_happens_has_words(table: Mapping[str, str], values: list[str]) -> None:
    assert set(table) == set(values)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (TimelineEntry(id=1, at=AT, type=EventType.ALERT_OPENED), "opened"),
        (TimelineEntry(id=1, at=AT, type=EventType.ALERT_SNOOZED, by="ann"), "the snooze is over"),
        (TimelineEntry(id=1, at=AT, type=EventType.ALERT_SNOOZED, by="ann", until=AT), "snoozed"),
        (
            TimelineEntry(
                id=1,
                at=AT,
                type=EventType.NOTIFICATION_DEAD,
                channel=ChannelKind.EMAIL,
                notice=NoticeKind.WORSENED,
                error="refused",
            ),
            "could not be told by e-mail that it got worse",
        ),
        (IncidentStep(id=1, at=AT, type=EventType.INCIDENT_CHANGED, scope=Scope.FLOOR, place="1"), "changed"),
        (IncidentStep(id=1, at=AT, type=EventType.INCIDENT_CHANGED, scope=Scope.HOTEL, by="ann"), "acknowledged"),
        (
            IncidentStep(
                id=1, at=AT, type=EventType.NOTIFICATION_SENT, channel=ChannelKind.SLACK, notice=NoticeKind.INCIDENT
            ),
            "told by Slack of the outage",
        ),
    ],
)
def test_a_step_is_said_in_words(step: TimelineEntry | IncidentStep, words: str) -> None:
    assert step_in_words(step) == words
