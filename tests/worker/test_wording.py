"""A notice says how bad, where, what and why, to somebody who was asleep a moment ago."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from rules.alerts import Acknowledgment, AlertSnapshot, Because, Family, Reason, Rule, Severity
from rules.words import HAPPENED, RECOVERED, SENTENCES
from store.records import NoticeKind
from tests.worker.support import START, an_alert
from worker.wording import Notice, word

PARIS = ZoneInfo("Europe/Paris")


def worded(
    alert: AlertSnapshot,
    kind: NoticeKind = NoticeKind.OPENED,
    *,
    hotel: str = "Grand Hôtel",
    now: datetime = START,
) -> Notice:
    return word(alert, kind, hotel=hotel, zone=PARIS, now=now)


def test_the_subject_says_how_bad_where_what_why_and_which_hotel() -> None:
    assert worded(an_alert()).subject == (
        "HIGH - room 204: tablet is leaving its room (its Wi-Fi signal is too weak for this room) - Grand Hôtel"
    )


def test_a_worsened_alert_says_so() -> None:
    alert = an_alert(
        rule=Rule.BREACH_ACCESS_POINT, severity=Severity.CRITICAL, why=[Reason(Because.FOREIGN, observed="aa:bb")]
    )

    assert worded(alert, NoticeKind.WORSENED).subject == (
        "CRITICAL (worse) - room 204: tablet is out of its room "
        "(it is on a Wi-Fi that is not the hotel's) - Grand Hôtel"
    )


def test_a_recovery_is_explained_by_what_got_better() -> None:
    why = [Reason(Because.SIGNAL_BELOW_FLOOR, observed=-84.0), Reason(Because.SIGNAL_RECOVERED, observed=-60.0)]

    notice = worded(an_alert(why=why), NoticeKind.RECOVERED)

    assert notice.subject == "RECOVERED - room 204: tablet is back (its Wi-Fi signal is good again) - Grand Hôtel"
    assert notice.reasons == ("its Wi-Fi signal is good again (-60 dBm)",)


def test_a_removed_tablet_is_not_said_to_be_back() -> None:
    notice = worded(an_alert(why=[Reason(Because.DEVICE_REMOVED)]), NoticeKind.RECOVERED)

    assert notice.headline == "CLOSED - room 204: no longer watched (the tablet was removed from Innwatch)"


def test_what_a_person_ended_is_not_said_to_be_over() -> None:
    notice = worded(an_alert(resolved_by="anna"), NoticeKind.RECOVERED)

    assert notice.headline == "CLOSED - room 204: anna ended the alert"


def test_that_it_lasts_is_the_reason_only_where_there_is_no_other() -> None:
    why = [Reason(Because.STILL_FIRING, observed=30.0), Reason(Because.NOTHING_HEARD)]

    assert worded(an_alert(why=why[:1]), NoticeKind.WORSENED).reasons == ("it has not ended (30 s)",)
    assert worded(an_alert(why=why), NoticeKind.WORSENED).reasons[0] == "no heartbeat arrives any more"


def test_an_access_point_is_held_against_the_rooms_own() -> None:
    why = [Reason(Because.MOVED, observed="aa:00:00:00:00:01", limit="aa:00:00:00:00:02")]

    assert worded(an_alert(why=why)).reasons == (
        "it is on the access point of a neighbouring room (aa:00:00:00:00:01, expected aa:00:00:00:00:02)",
    )


def test_a_drill_says_so_first() -> None:
    assert worded(an_alert(drill=True)).subject.startswith("DRILL HIGH - ")


def test_what_was_measured_stands_in_the_text() -> None:
    why = [Reason(Because.SIGNAL_BELOW_FLOOR, observed=-84.0, limit=-70.0, samples=4, since=START)]

    assert "(-84 dBm, threshold -70 dBm, 4 samples, since 03:12:05)" in worded(an_alert(why=why)).text


def test_times_are_the_hotels() -> None:
    assert "Began: Sun 22 Nov 2026, 03:12:05 CET" in worded(an_alert()).text


def test_a_recovery_says_when_it_ended() -> None:
    alert = an_alert(resolved_at=START + timedelta(minutes=3))

    assert "Ended: Sun 22 Nov 2026, 03:15:05 CET" in worded(alert, NoticeKind.RECOVERED).text


def test_who_acknowledged_it_meanwhile_is_named() -> None:
    alert = an_alert(acknowledged=Acknowledgment(by="anna", at=START))

    assert "anna acknowledged it at Sun 22 Nov 2026, 03:12:05 CET." in worded(alert, NoticeKind.WORSENED).text


def test_what_nobody_answers_for_any_more_is_not_called_late() -> None:
    notice = worded(an_alert(), NoticeKind.LAPSED, now=START + timedelta(minutes=60))

    assert notice.headline.startswith("HIGH (still open) - room 204: ")
    assert notice.remark is not None
    assert notice.remark.endswith("Nobody answers for it now.")


def test_old_news_is_said_to_be_old() -> None:
    notice = worded(an_alert(), now=START + timedelta(minutes=12, seconds=30))

    assert notice.remark == ("This is 12 minutes old, because it could not be sent earlier. It may have changed since.")


def test_the_link_opens_the_alert_in_the_console() -> None:
    notice = word(
        an_alert(), NoticeKind.OPENED, hotel="H", zone=UTC, now=START, console_url="https://innwatch.hotel.test/"
    )

    assert notice.link == "https://innwatch.hotel.test/#alerts/01JD8Z0000000000000000ABCD"
    assert notice.link in notice.text


def test_without_the_consoles_address_there_is_no_link() -> None:
    assert worded(an_alert()).link is None


def test_a_tablet_without_a_room_is_named_itself() -> None:
    assert worded(an_alert(room=None, floor=None)).subject.startswith("HIGH - tablet tab-7, no room: ")


@pytest.mark.parametrize("hostile", ["Grand\r\nBcc: all@hotel.test", "a\u202eb", "x" * 5000, "\x00\x1b[31m"])
def test_no_name_can_break_a_line_or_fill_the_page(hostile: str) -> None:
    notice = worded(an_alert(why=[Reason(Because.REPORTED, cause=hostile)]), hotel=hostile)

    assert notice.subject.isprintable()
    assert len(notice.subject) < 300
    assert all(reason.isprintable() and len(reason) < 300 for reason in notice.reasons)


@pytest.mark.parametrize("kind", NoticeKind)
@pytest.mark.parametrize("because", Because)
def test_every_reason_has_words(because: Because, kind: NoticeKind) -> None:
    assert SENTENCES[because]
    assert worded(an_alert(why=[Reason(because, observed=1.0, limit=2.0)]), kind).text


@pytest.mark.parametrize("rule", Rule)
def test_every_rule_has_words(rule: Rule) -> None:
    assert HAPPENED[rule]


@pytest.mark.parametrize("family", Family)
def test_every_familys_recovery_has_words(family: Family) -> None:
    assert RECOVERED[family]


@pytest.mark.parametrize(
    ("severity", "kind", "urgent"),
    [
        (Severity.CRITICAL, NoticeKind.OPENED, True),
        (Severity.HIGH, NoticeKind.WORSENED, True),
        (Severity.MEDIUM, NoticeKind.OPENED, False),
        (Severity.CRITICAL, NoticeKind.RECOVERED, False),
    ],
)
def test_only_grave_trouble_is_urgent(severity: Severity, kind: NoticeKind, urgent: bool) -> None:
    assert worded(an_alert(severity=severity), kind).urgent is urgent
