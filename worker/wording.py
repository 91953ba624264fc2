"""What a notice says. Pure: an alert and the hotel's time zone in, words out; the channels only lay them out.

The reader is a security manager at three in the morning: how bad, which room, what happened and why stand in the
subject; when, in the hotel's own time, and what was measured stand below. Whatever a tablet or a person wrote is cut
to one printable line, so that it can neither break a mail header nor bury the rest.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo

from msgspec import Struct

from rules.alerts import AlertSnapshot, Because, Reason
from rules.words import ENDING, HAPPENED, RECOVERED, SENTENCES, explain, one_line
from store.records import NoticeKind

LATE_FROM_MINUTES = 3
"""From which age a notice says that it is old: well above what a delivery takes that meets no trouble."""


class Notice(Struct, frozen=True, kw_only=True):
    """One notice, worded. `subject` is a single line; `facts` are (label, value); `link` opens the console."""

    subject: str
    headline: str
    facts: tuple[tuple[str, str], ...]
    reasons: tuple[str, ...]
    remark: str | None
    link: str | None
    urgent: bool

    @property
    def text(self) -> str:
        """The notice as plain text, as the mail's text part has it."""
        lines = [self.headline, ""]
        lines += [f"{label}: {value}" for label, value in self.facts]
        if self.reasons:
            lines += ["", "Why:", *(f"- {reason}" for reason in self.reasons)]
        if self.remark:
            lines += ["", self.remark]
        if self.link:
            lines += ["", f"Open it in Innwatch: {self.link}"]
        return "\n".join(lines) + "\n"


def word(
    alert: AlertSnapshot,
    kind: NoticeKind,
    *,
    hotel: str,
    zone: tzinfo,
    now: datetime,
    console_url: str | None = None,
) -> Notice:
    """Word one notice. `hotel` is its name for people, `zone` its time zone, `console_url` the console's address."""
    reasons = _reasons_for(alert, kind)
    happened = _happened(alert, kind)
    because = SENTENCES[reasons[0].because] if reasons else None
    where = f"room {one_line(alert.room_id)}" if alert.room_id else f"tablet {one_line(alert.device_id)}, no room"
    head = " - ".join(
        [
            f"{'DRILL ' if alert.drill else ''}{_state(alert, kind)}",
            f"{where}: {happened}" + (f" ({because})" if because else ""),
        ]
    )
    return Notice(
        subject=f"{head} - {one_line(hotel)}",
        headline=head,
        facts=tuple(_facts(alert, kind, hotel=hotel, zone=zone)),
        reasons=tuple(explain(reason, zone) for reason in reasons),
        remark=_remark(alert, kind, zone=zone, now=now),
        link=f"{console_url.rstrip('/')}/#alerts/{alert.id}" if console_url else None,
        urgent=kind is not NoticeKind.RECOVERED and alert.severity.value in {"high", "critical"},
    )


_MORE = {
    NoticeKind.WORSENED: "worse",
    NoticeKind.REOPENED: "again",
    NoticeKind.FLAPPING: "on and off",
    NoticeKind.LAPSED: "still open",
}


def _state(alert: AlertSnapshot, kind: NoticeKind) -> str:
    if kind is NoticeKind.RECOVERED:
        return "CLOSED" if alert.resolved_by or _is_unwatched(alert) else "RECOVERED"
    severity = alert.severity.value.upper()
    more = _MORE.get(kind)
    return f"{severity} ({more})" if more else severity


def _happened(alert: AlertSnapshot, kind: NoticeKind) -> str:
    if kind is not NoticeKind.RECOVERED:
        return HAPPENED[alert.rule]
    if alert.resolved_by:
        return f"{one_line(alert.resolved_by)} ended the alert"
    return "no longer watched" if _is_unwatched(alert) else RECOVERED[alert.family]


def _is_unwatched(alert: AlertSnapshot) -> bool:
    """Whether it is over because nobody looks any more, which must not be told as good news."""
    return any(reason.because in {Because.DEVICE_REMOVED, Because.NO_LONGER_JUDGED} for reason in alert.why)


def _reasons_for(alert: AlertSnapshot, kind: NoticeKind) -> tuple[Reason, ...]:
    """A recovery is explained by what got better, trouble by what got worse; that it lasts is said last."""
    ended = kind is NoticeKind.RECOVERED
    wanted = (reason for reason in alert.why if (reason.because in ENDING) is ended)
    return tuple(sorted(wanted, key=lambda reason: reason.because is Because.STILL_FIRING))


def _facts(alert: AlertSnapshot, kind: NoticeKind, *, hotel: str, zone: tzinfo) -> Iterable[tuple[str, str]]:
    yield "Hotel", one_line(hotel)
    if alert.room_id:
        yield "Room", one_line(alert.room_id) + (f", floor {one_line(alert.floor)}" if alert.floor else "")
    yield "Tablet", one_line(alert.device_id)
    yield "Severity", alert.severity.value
    yield "Began", moment_of(alert.opened_at, zone)
    if kind is NoticeKind.RECOVERED:
        yield "Ended", moment_of(_happened_at(alert), zone)
    elif alert.last_at > alert.opened_at:
        yield "Last change", moment_of(alert.last_at, zone)
    yield "Alert", alert.id


def _remark(alert: AlertSnapshot, kind: NoticeKind, *, zone: tzinfo, now: datetime) -> str | None:
    """What the reader must know beside the alert: that it is old news, or that somebody is at it already."""
    if kind is NoticeKind.LAPSED:
        return "Somebody had acknowledged or snoozed it, which has come to its end. Nobody answers for it now."
    minutes = (now - _happened_at(alert)) // timedelta(minutes=1)
    if minutes >= LATE_FROM_MINUTES:
        return f"This is {minutes} minutes old, because it could not be sent earlier. It may have changed since."
    if kind is not NoticeKind.RECOVERED and alert.acknowledged:
        return f"{one_line(alert.acknowledged.by)} acknowledged it at {moment_of(alert.acknowledged.at, zone)}."
    return None


def _happened_at(alert: AlertSnapshot) -> datetime:
    return alert.resolved_at or alert.last_at


def moment_of(at: datetime, zone: tzinfo) -> str:
    """A time as the hotel's people read it."""
    return at.astimezone(zone).strftime("%a %d %b %Y, %H:%M:%S %Z")
