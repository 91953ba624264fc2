"""The words of an incident's notice: what is out, how many, and who did not return, in the subject already."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from rules.alerts import Because, Reason
from rules.ids import IncidentId
from rules.incident import IncidentSnapshot, Outage, Scope
from store.records import NoticeKind
from worker.incident_wording import word_incident
from worker.wording import Notice

NIGHT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
OUT = IncidentSnapshot(
    id=IncidentId("I1"),
    rule=Outage.AREA,
    scope=Scope.ACCESS_POINT,
    place="aa:bb:cc:00:00:01",
    opened_at=NIGHT,
    members=40,
    why=(Reason(Because.AREA_SILENT, observed=40.0, limit=16.0),),
)


def worded(
    incident: IncidentSnapshot = OUT,
    kind: NoticeKind = NoticeKind.INCIDENT,
    *,
    after: timedelta = timedelta(seconds=20),
) -> Notice:
    zone, now = ZoneInfo("Europe/Vienna"), NIGHT + after
    return word_incident(incident, kind, hotel="Seaview", zone=zone, now=now, console_url="https://inn/")


def test_the_subject_says_what_is_out_and_how_many_are_silent() -> None:
    notice = worded()
    assert notice.subject == "OUTAGE - access point aa:bb:cc:00:00:01: 40 tablets fell silent at once - Seaview"
    assert ("Began", "Mon 23 Nov 2026, 03:00:00 CET") in notice.facts
    assert notice.reasons == ("so many tablets of one place fell silent at once (40 tablets, 16 tablets are enough)",)
    assert (notice.urgent, notice.link) == (True, "https://inn/#incidents/I1")


@pytest.mark.parametrize(
    ("back", "lost", "says"),
    [
        (40, 0, "all of 40 tablets are back"),
        (39, 1, "39 of 40 tablets are back, 1 did not return"),
        (4, 0, "4 of 40 tablets are back, nobody waits for the others"),
    ],
)
def test_its_end_says_who_is_back(back: int, lost: int, says: str) -> None:
    over = replace(OUT, closed_at=NIGHT + timedelta(seconds=10), back=back, lost=lost)
    notice = worded(over, NoticeKind.INCIDENT_OVER)
    assert notice.headline == f"OUTAGE OVER - access point aa:bb:cc:00:00:01: {says}"
    assert not notice.urgent


@pytest.mark.parametrize(
    ("rule", "scope", "place", "says"),
    [
        (Outage.HOTEL, Scope.HOTEL, None, "the whole hotel: 40 tablets fell silent at once"),
        (Outage.OWN, Scope.OWN, None, "the whole hotel: 40 tablets did not come back after Innwatch was away"),
        (Outage.AREA, Scope.FLOOR, "1\r\nBcc: x", "floor 1 Bcc: x: 40 tablets fell silent at once"),
    ],
)
def test_every_scope_has_words(rule: Outage, scope: Scope, place: str | None, says: str) -> None:
    assert worded(replace(OUT, rule=rule, scope=scope, place=place)).headline == f"OUTAGE - {says}"


def test_one_that_was_over_before_it_could_be_sent_says_so() -> None:
    remark = worded(replace(OUT, closed_at=NIGHT + timedelta(minutes=9)), after=timedelta(hours=1)).remark
    assert remark == "It was over at Mon 23 Nov 2026, 03:09:00 CET, before this could be sent."


def test_one_that_lasts_says_so_and_how_many_are_still_silent() -> None:
    still = Reason(Because.STILL_FIRING, observed=7200.0, limit=3600.0, since=NIGHT)
    notice = worded(replace(OUT, back=3, why=(*OUT.why, still)), after=timedelta(hours=2, seconds=2))
    assert notice.headline == "OUTAGE - access point aa:bb:cc:00:00:01: 37 of 40 tablets are still silent"
    assert notice.remark is not None
    assert notice.remark.startswith("While it lasts nobody is told of any of these tablets by itself.")
    assert any("it has not ended" in reason for reason in notice.reasons)
