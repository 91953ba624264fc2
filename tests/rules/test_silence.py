"""A tablet that is not heard: deadlines, wills, announced rests, and what ends them."""

from datetime import timedelta

import pytest

from rules.alerts import Because, ChangeKind, Family, Rule, Severity
from rules.messages import Link, ReportKind, TokenEnd
from rules.policy import Policy, Profile
from rules.state import LinkState
from tests.rules.given import CALIBRATED, NOON, STRICT, Tablet, after, assigned, because, kinds

NORMAL_SILENCE = 40  # seconds: three heartbeats of 10 s, and 10 s of grace
STRICT_SILENCE = 18  # seconds: 15, and 3 of grace


def strict_tablet() -> Tablet:
    return Tablet(assigned(policy=STRICT))


# -- nothing heard


def test_a_tablet_that_was_never_seen_is_never_silent() -> None:
    tablet = Tablet()

    assert tablet.due() is None
    assert tablet.say(0, Link.LOST) == ()
    assert tablet.expire(5) == ()
    assert tablet.state.link is LinkState.NEVER_SEEN


def test_any_live_message_makes_a_tablet_seen() -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.TAMPER)

    assert tablet.state.link is LinkState.ONLINE
    assert tablet.due() == NORMAL_SILENCE


@pytest.mark.parametrize(
    ("policy", "seconds", "severity"),
    [(CALIBRATED, NORMAL_SILENCE, Severity.LOW), (STRICT, STRICT_SILENCE, Severity.HIGH)],
)
def test_silence_opens_at_its_deadline_and_not_before(policy: Policy, seconds: int, severity: Severity) -> None:
    tablet = Tablet(assigned(policy=policy))
    tablet.beat(0)
    assert tablet.until(seconds - 0.001) == ()

    (opened,) = tablet.until(seconds)

    assert (opened.kind, opened.alert.rule, opened.alert.severity) == (ChangeKind.OPENED, Rule.SILENCE, severity)
    assert [(reason.because, reason.observed, reason.limit, reason.since) for reason in opened.why] == [
        (Because.NOTHING_HEARD, seconds, seconds, NOON)
    ]
    assert tablet.state.link is LinkState.SILENT


def test_a_strict_tablet_is_missed_within_twenty_seconds() -> None:
    tablet = strict_tablet()
    tablet.beat(0)

    assert kinds(tablet.until(20)) == [ChangeKind.OPENED]


def test_silence_is_dated_at_its_deadline_however_late_it_is_noticed() -> None:
    tablet = Tablet()
    tablet.beat(0)

    changes = tablet.until(3600)

    assert [(change.at, change.alert.severity) for change in changes] == [
        (after(40), Severity.LOW),
        (after(70), Severity.HIGH),
        (after(640), Severity.CRITICAL),
    ]
    assert tablet.state.since == after(40)


def test_a_silence_that_lasts_worsens_and_says_for_how_long() -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.until(40)

    (worse,) = tablet.until(70)

    assert worse.kind is ChangeKind.WORSENED
    assert because(worse) == [Because.NOTHING_HEARD, Because.STILL_FIRING]
    assert (worse.why[1].observed, worse.why[1].limit) == (30, 30)


def test_a_strict_silence_is_high_at_once_and_has_no_further_step() -> None:
    tablet = strict_tablet()
    tablet.beat(0)
    tablet.until(STRICT_SILENCE)

    assert tablet.due() is None


def test_every_sign_of_life_moves_the_deadline() -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.report(10, ReportKind.TAMPER)
    assert tablet.due() == 10 + NORMAL_SILENCE
    tablet.say(20, Link.READY)
    assert tablet.due() == 20 + NORMAL_SILENCE


# -- the end of it


def silent_tablet() -> Tablet:
    tablet = Tablet()
    tablet.beat(0, sid="boot-1")
    tablet.until(40)
    return tablet


def test_two_heartbeats_end_a_silence() -> None:
    tablet = silent_tablet()
    assert tablet.beat(50) == ()
    assert tablet.state.link is LinkState.ONLINE

    (cleared,) = tablet.beat(60)

    assert cleared.kind is ChangeKind.CLEARED
    assert because(cleared) == [Because.HEARD_AGAIN]
    assert tablet.state.alerts == {}


def test_heartbeats_in_which_everything_is_unknown_end_a_silence_too() -> None:
    tablet = silent_tablet()
    tablet.bare_beat(50)

    assert kinds(tablet.bare_beat(60)) == [ChangeKind.CLEARED]


def test_a_birth_is_a_sign_of_life_after_which_two_heartbeats_are_wanted() -> None:
    tablet = silent_tablet()
    tablet.beat(50)

    assert tablet.say(55, Link.READY, sid="boot-2") == tablet.beat(60, sid="boot-2") == ()
    assert tablet.state.link is LinkState.ONLINE
    assert kinds(tablet.beat(70, sid="boot-2")) == [ChangeKind.CLEARED]


def test_heartbeats_of_the_session_before_do_not_end_a_silence() -> None:
    tablet = silent_tablet()
    tablet.say(50, Link.READY, sid="boot-2")
    for second in (51, 52, 53):
        assert tablet.beat(second, sid="boot-1") == ()

    tablet.beat(60, sid="boot-2")
    assert kinds(tablet.beat(70, sid="boot-2")) == [ChangeKind.CLEARED]


def test_one_heartbeat_stops_the_severity_from_rising() -> None:
    tablet = silent_tablet()
    tablet.beat(69)

    assert tablet.until(100) == ()


def test_a_silence_that_resumes_after_one_heartbeat_is_the_same_alert() -> None:
    tablet = silent_tablet()
    alert = tablet.alert(Family.SILENCE)
    tablet.beat(60)
    tablet.until(60 + NORMAL_SILENCE)
    assert tablet.state.link is LinkState.SILENT
    assert tablet.alert(Family.SILENCE).id == alert.id

    assert tablet.beat(110) == ()
    assert kinds(tablet.beat(120)) == [ChangeKind.CLEARED]


def test_a_silence_never_becomes_milder_while_it_is_open() -> None:
    tablet = silent_tablet()
    tablet.until(70)
    tablet.beat(80)
    tablet.until(80 + NORMAL_SILENCE)

    assert tablet.alert(Family.SILENCE).severity is Severity.HIGH


# -- wills


def test_the_will_of_the_current_session_makes_silent_at_once_and_tells_after_the_grace() -> None:
    tablet = strict_tablet()
    tablet.beat(0, sid="boot-1")
    assert tablet.say(5, Link.LOST, sid="boot-1") == ()
    assert tablet.state.link is LinkState.SILENT
    assert tablet.until(7.999) == ()

    (opened,) = tablet.until(8)

    assert because(opened) == [Because.CONNECTION_LOST]
    assert (opened.why[0].observed, opened.why[0].limit, opened.why[0].since) == (3, 3, after(5))
    assert tablet.state.since == after(5)


def test_a_tablet_heard_within_the_grace_was_not_silent() -> None:
    tablet = strict_tablet()
    tablet.beat(0, sid="boot-1")
    tablet.say(5, Link.LOST, sid="boot-1")
    tablet.say(7, Link.READY, sid="boot-2")

    assert tablet.state.link is LinkState.ONLINE
    assert tablet.until(20) == ()


@pytest.mark.parametrize("sid", ["boot-1", "boot-9", None])
def test_a_will_of_any_other_session_changes_nothing(sid: str | None) -> None:
    tablet = Tablet()
    tablet.say(0, Link.READY, sid="boot-1")
    tablet.say(10, Link.READY, sid="boot-2")
    before = tablet.state

    tablet.say(11, Link.LOST, sid=sid)

    assert tablet.state == before


def test_an_old_agents_will_counts_where_no_session_was_ever_named() -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.say(5, Link.LOST)

    assert tablet.due() == 15


def test_a_heartbeat_names_the_session_of_an_agent_without_births() -> None:
    tablet = Tablet()
    tablet.beat(0, sid="boot-1")
    tablet.beat(10, sid="boot-2")
    tablet.say(11, Link.LOST, sid="boot-2")

    assert tablet.state.link is LinkState.SILENT


def test_a_resent_message_does_not_bring_back_the_session_before() -> None:
    tablet = Tablet()
    tablet.say(0, Link.READY, sid="boot-1")
    tablet.say(10, Link.READY, sid="boot-2")
    tablet.beat(11, sid="boot-1")
    tablet.say(12, Link.BYE, sid="boot-1", reason="reconnect")

    assert tablet.state.sid == "boot-2"
    assert tablet.state.link is LinkState.ONLINE


def test_a_second_will_does_not_move_the_deadline() -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.say(5, Link.LOST)
    tablet.say(9, Link.LOST)

    assert tablet.due() == 15


# -- announced rests


def test_a_sleeping_tablet_may_be_silent_until_it_wakes() -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.say(10, Link.SLEEPING, wake_by=310)
    assert tablet.state.link is LinkState.SLEEPING
    assert tablet.until(319.999) == ()

    (opened,) = tablet.until(320)

    assert because(opened) == [Because.OVERSLEPT]
    assert (opened.why[0].observed, opened.why[0].limit) == (310, 310)


@pytest.mark.parametrize("wake_by", [None, 36_000])
def test_sleep_is_allowed_for_ten_minutes_at_most(wake_by: float | None) -> None:
    tablet = strict_tablet()
    tablet.say(0, Link.SLEEPING, wake_by=wake_by)

    assert tablet.due() == 603


def test_the_hour_of_waking_is_read_on_the_tablets_own_clock() -> None:
    tablet = strict_tablet()
    tablet.say(0, Link.SLEEPING, wake_by=120, clock_error=-86_400)

    assert tablet.due() == 123


def test_a_sleep_that_is_over_already_leaves_the_usual_allowance() -> None:
    tablet = strict_tablet()
    tablet.say(0, Link.SLEEPING, wake_by=-5)

    assert tablet.due() == STRICT_SILENCE


@pytest.mark.parametrize(("screen_on", "link"), [(False, LinkState.SLEEPING), (None, LinkState.ONLINE)])
def test_a_dozing_tablet_that_is_heard_now_and_then_keeps_its_sleep(screen_on: bool | None, link: LinkState) -> None:
    tablet = Tablet()
    tablet.say(0, Link.SLEEPING, wake_by=300)
    tablet.beat(60, screen_on=screen_on)

    assert tablet.state.link is link
    assert tablet.due() == 310


def test_a_heartbeat_after_the_end_of_an_announced_sleep_is_one_of_a_tablet_awake() -> None:
    tablet = Tablet()
    tablet.say(0, Link.SLEEPING, wake_by=300)
    tablet.beat(305, screen_on=False)

    assert tablet.state.link is LinkState.ONLINE


def test_a_wills_gap_within_an_announced_sleep_is_no_silence() -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.say(5, Link.SLEEPING, wake_by=305)
    tablet.beat(60)
    tablet.say(80, Link.LOST)

    assert tablet.state.link is LinkState.SLEEPING
    assert tablet.until(314.999) == ()


@pytest.mark.parametrize("waking", ["screen", "birth", "breach"])
def test_a_tablet_that_is_known_to_be_awake_is_held_to_the_usual_allowance(waking: str) -> None:
    tablet = Tablet()
    tablet.say(0, Link.SLEEPING, wake_by=300)
    match waking:
        case "screen":
            tablet.beat(60, screen_on=True)
        case "birth":
            tablet.say(60, Link.READY)
        case "breach":
            tablet.report(60, ReportKind.BREACH)

    assert tablet.state.link is LinkState.ONLINE
    assert tablet.due() == 60 + NORMAL_SILENCE


@pytest.mark.parametrize(
    ("reason", "window"), [("reconnect", 60), ("reboot", 180), ("update", 180), (None, 60), ("lunch", 60)]
)
def test_a_goodbye_allows_its_window(reason: str | None, window: int) -> None:
    tablet = strict_tablet()
    tablet.beat(0)
    tablet.say(10, Link.BYE, reason=reason)
    assert tablet.state.link is LinkState.AWAY
    assert tablet.say(11, Link.LOST) == ()
    assert tablet.until(10 + window + 2.999) == ()

    (opened,) = tablet.until(10 + window + 3)

    assert because(opened) == [Because.BYE_OVERDUE]


def test_a_tablet_back_from_its_goodbye_is_held_to_the_usual_allowance() -> None:
    tablet = strict_tablet()
    tablet.say(0, Link.BYE, reason="reboot")
    tablet.beat(30)

    assert tablet.state.link is LinkState.ONLINE
    assert tablet.due() == 30 + STRICT_SILENCE


@pytest.mark.parametrize("cause", TokenEnd)
def test_the_end_of_a_token_is_never_a_silence(cause: TokenEnd) -> None:
    tablet = strict_tablet()
    tablet.beat(0)
    assert [change.alert.family for change in tablet.expire(5, cause)] == [Family.TOKEN] * (cause is TokenEnd.EXPIRED)

    assert tablet.state.link is LinkState.AWAY
    assert tablet.due() is None


@pytest.mark.parametrize("cause", TokenEnd)
def test_a_silence_that_was_open_before_the_token_ended_stays_open_and_gets_no_worse(cause: TokenEnd) -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.until(NORMAL_SILENCE)
    tablet.expire(NORMAL_SILENCE + 5, cause)

    assert Family.SILENCE in tablet.state.alerts
    assert tablet.due() is None


# -- what the tablet says itself


@pytest.mark.parametrize("profile", list(Profile))
def test_wifi_off_is_told_at_once_in_the_silence_family(profile: Profile) -> None:
    tablet = Tablet(assigned(policy=Policy(profile=profile)))

    (opened,) = tablet.report(0, ReportKind.BREACH, cause="wifi-off")

    assert (opened.alert.family, opened.alert.rule) == (Family.SILENCE, Rule.WIFI_OFF)
    assert opened.alert.severity is Severity.HIGH
    assert because(opened) == [Because.WIFI_OFF]
    assert Family.BREACH not in tablet.state.alerts


def test_the_silence_that_follows_wifi_off_is_part_of_the_same_alert() -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.BREACH, cause="wifi-off")

    silent, worse = tablet.until(640)

    assert (silent.kind, because(silent)) == (ChangeKind.CHANGED, [Because.WIFI_OFF, Because.NOTHING_HEARD])
    assert (worse.kind, worse.alert.severity, worse.alert.rule) == (
        ChangeKind.WORSENED,
        Severity.CRITICAL,
        Rule.WIFI_OFF,
    )


def test_wifi_off_ends_as_a_silence_does() -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.BREACH, cause="wifi-off")
    tablet.beat(10)

    assert kinds(tablet.beat(20)) == [ChangeKind.CLEARED]
    assert tablet.until(60)[0].alert.rule is Rule.SILENCE


def test_wifi_off_reported_again_is_counted_and_not_told() -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.BREACH, cause="wifi-off")

    assert tablet.report(5, ReportKind.BREACH, cause="wifi-off") == ()
    assert tablet.alert(Family.SILENCE).count == 2


def test_a_tablet_that_is_powered_off_has_an_alert_and_nothing_to_wait_for() -> None:
    tablet = Tablet()
    tablet.beat(0)

    (opened,) = tablet.say(10, Link.BYE, reason="power-off")

    assert (opened.alert.rule, opened.alert.severity) == (Rule.POWERED_OFF, Severity.HIGH)
    assert tablet.state.link is LinkState.AWAY
    assert tablet.due() is None


# -- our own start


def test_after_its_own_start_the_bridge_gives_every_tablet_a_grace() -> None:
    left = strict_tablet()
    left.beat(0)
    tablet = Tablet(left.assignment, state=left.state, watching_since=after(3600))

    assert tablet.due() == 3660


def test_a_tablet_heard_since_the_start_is_held_to_the_usual_allowance() -> None:
    left = strict_tablet()
    left.beat(0)
    tablet = Tablet(left.assignment, state=left.state, watching_since=after(10))
    tablet.beat(12)

    assert tablet.due() == 12 + STRICT_SILENCE


def test_a_silence_that_was_open_before_the_start_worsens_only_after_the_grace() -> None:
    left = silent_tablet()
    tablet = Tablet(left.assignment, state=left.state, watching_since=after(3600))

    (worse,) = tablet.until(3660)

    assert (worse.kind, worse.alert.severity, worse.at) == (ChangeKind.WORSENED, Severity.CRITICAL, after(3660))


def test_a_policy_that_becomes_strict_raises_an_open_silence() -> None:
    tablet = silent_tablet()
    tablet.assignment = assigned(policy=STRICT)

    (worse,) = tablet.until(41)

    assert worse.alert.severity is Severity.HIGH
    assert worse.at == after(40)


@pytest.mark.parametrize(("profile", "due"), [(Profile.STRICT, 60), (Profile.NORMAL, 75)])
def test_a_place_may_have_a_grace_of_its_own(profile: Profile, due: int) -> None:
    tablet = Tablet(assigned(policy=Policy(profile=profile, silence_grace=timedelta(seconds=45))))
    tablet.beat(0, sid="b1-1")

    assert tablet.due() == due
    tablet.say(1, Link.LOST, sid="b1-1")
    assert tablet.due() == 46


def test_the_restart_grace_is_the_policys() -> None:
    left = strict_tablet()
    left.beat(0)
    patient = assigned(policy=Policy(restart_grace=timedelta(minutes=5)))
    tablet = Tablet(patient, state=left.state, watching_since=after(100))

    assert tablet.due() == 400
