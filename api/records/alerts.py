"""An alert with its life, and the answers that people may give it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from api.records.fields import Words
from rules.alerts import AlertSnapshot
from rules.response import NOTE_LIMIT
from rules.texts import LINES
from store.records import TimelineEntry


class AlertDetail(AlertSnapshot, frozen=True, rename="camel", kw_only=True):
    """An alert with its life so far, oldest first."""

    timeline: tuple[TimelineEntry, ...]


def of_alert_alone(timeline: Iterable[TimelineEntry]) -> tuple[TimelineEntry, ...]:
    """An alert's life without the notices of it: what was told to whom is for the hotel's people."""
    return tuple(step for step in timeline if step.channel is None)


class Answer(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What every answer to an alert may say: which revision of it was seen."""

    if_revision: Annotated[int, Meta(ge=1, le=2**53)] | None = None


class Acknowledge(Answer, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    note: Words | None = None


class Assign(Answer, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    assignee: Annotated[str, Meta(max_length=256)] | None


class AddNote(Answer, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    note: Annotated[str, Meta(min_length=1, max_length=NOTE_LIMIT, pattern=LINES)]


class Resolve(Answer, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    note: Words | None = None


class Snooze(Answer, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    until: Annotated[datetime, Meta(tz=True)] | None
