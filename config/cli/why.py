"""`innwatch why`: why there was an alert, or why there was none, in words."""

from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.installation import Installation, with_installation
from config.cli.life import CHANNELS, NOTICES, STATES, step_in_words
from config.cli.options import AsJson, Data, HotelArgument, id_text
from config.cli.policy import threshold_shown
from config.cli.printing import in_zone, print_facts, print_json, print_table, warn
from config.cli.replay import moment
from rules.ids import AlertId, DeviceId, HotelId

if TYPE_CHECKING:
    from rules.hindsight import Finding
    from store.records import AlertWhy, DeviceWhy

_MOST = 5000


def why(  # noqa: PLR0913, typer spells options as arguments
    hotel: HotelArgument,
    device: Annotated[str | None, typer.Argument(metavar="TABLET", help="Of this tablet.", parser=id_text)] = None,
    *,
    start: Annotated[
        str, typer.Option("--from", help="Since when: 2026-11-23T08:00, or so long ago: 2h.", metavar="TIME")
    ] = "1h",
    end: Annotated[str, typer.Option("--to", help="Until when, said likewise.", metavar="TIME")] = "0s",
    alert: Annotated[
        str | None, typer.Option("--alert", help="What led to this one, instead.", metavar="ID", parser=id_text)
    ] = None,
    samples: Annotated[bool, typer.Option("--samples", help="List the messages, too.")] = False,
    thresholds: Annotated[bool, typer.Option("--thresholds", help="List the defaults among them, too.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Say what spoke for trouble of a tablet, and what came of it or what held it back.

    A day at most. Times without a zone are the hotel's.
    """
    if (device is None) is (alert is None):
        raise typer.BadParameter("name a tablet, or an alert with --alert")
    hotel_id = HotelId(hotel)

    async def of_alert(at: Installation) -> "tuple[AlertWhy, tzinfo]":
        from zoneinfo import ZoneInfo

        zone = ZoneInfo((await at.store.hotel(hotel_id)).timezone)
        return await at.store.why_alert(hotel_id, AlertId(alert or ""), now=at.now()), zone

    async def of_device(at: Installation) -> "tuple[DeviceWhy, tzinfo]":
        from zoneinfo import ZoneInfo

        from store.hindsight import LONGEST

        zone, now = ZoneInfo((await at.store.hotel(hotel_id)).timezone), at.now()
        since, until = (
            moment(text, zone=zone, now=now, option=name) for text, name in ((start, "--from"), (end, "--to"))
        )
        if since >= now:
            raise typer.BadParameter("--from is still to come")
        until = min(until, now)
        if not since < until:
            raise typer.BadParameter("--from must be before --to")
        if until - since > LONGEST:
            raise typer.BadParameter(f"from --from to --to may be {LONGEST // timedelta(hours=1)} hours at most")
        name = DeviceId(device or "")
        return await at.store.why_device(hotel_id, name, start=since, end=until, most=_MOST, now=now), zone

    if alert is not None:
        found, zone = with_installation(data, of_alert)
        print_json(found) if as_json else _print_alert(found, zone, samples=samples, all_of_them=thresholds)
    else:
        looked, zone = with_installation(data, of_device)
        print_json(looked) if as_json else _print_device(looked, zone, samples=samples, all_of_them=thresholds)


def _print_alert(found: "AlertWhy", zone: tzinfo, *, samples: bool, all_of_them: bool) -> None:
    from rules.words import HAPPENED, explain

    alert = found.alert
    print_facts(
        {
            "alert": alert.id,
            "what": HAPPENED[alert.rule],
            "rule": alert.rule.value,
            "severity": alert.severity.value,
            "judged by": f"rules {alert.rule_version}" if alert.rule_version else None,
            "tablet": alert.device_id,
            "room": alert.room_id,
            "opened": in_zone(alert.opened_at, zone),
            "ended": in_zone(alert.resolved_at, zone),
        }
    )
    print("\nwhy")
    for reason in alert.why:
        print(f"- {explain(reason, zone)}")
    print("\nits life")
    print_table(
        ("at", "what", "rule", "severity", "by", "why"),
        [
            (
                in_zone(step.at, zone),
                step_in_words(step),
                step.rule.value if step.rule else None,
                step.severity.value if step.severity else None,
                step.by,
                "; ".join(explain(reason, zone) for reason in step.why) or step.note or step.error,
            )
            for step in found.timeline
        ],
    )
    print("\nwhom it was told")
    print_table(
        ("made", "by", "notice", "state", "why"),
        [
            (in_zone(one.created_at, zone), CHANNELS[one.channel], NOTICES[one.kind], STATES[one.state], one.last_error)
            for one in found.notices
        ],
    )
    print("\nthe tablet around that time")
    _print_device(found.device, zone, samples=samples, all_of_them=all_of_them)


def _print_device(found: "DeviceWhy", zone: tzinfo, *, samples: bool, all_of_them: bool) -> None:
    if not found.complete:
        warn("what was stored does not reach back far enough; something of it may be missing")
    if not found.findings:
        print(f"nothing spoke for trouble of {found.device_id}; it was heard {found.heard_in_all} times")
    else:
        print_table(
            ("from", "to", "signs", "rule", "alert", "why"),
            [
                (
                    _clock(finding.since, zone),
                    _clock(finding.until, zone)
                    if finding.until
                    else f"not over at {found.end.astimezone(zone):%H:%M:%S}",
                    finding.signs,
                    finding.rule.value,
                    finding.alert_id or "none",
                    _why(finding, zone),
                )
                for finding in found.findings
            ],
        )
    _print_thresholds(found, all_of_them=all_of_them)
    if samples:
        print()
        print_table(
            ("at", "what", "dBm", "access point", "battery", "charging", "late"),
            [
                (_clock(one.at, zone), one.kind, one.rssi, one.bssid, one.battery, one.charging, one.late)
                for one in found.heard
            ],
        )


def _print_thresholds(found: "DeviceWhy", *, all_of_them: bool) -> None:
    """Those that somebody decided, or all."""
    if found.thresholds is None:
        return
    from msgspec.structs import asdict

    from rules.figures import duration
    from rules.hindsight import Level
    from rules.policy import Policy, PolicyChanges, Profile
    from rules.words import DECIDED_BY

    values = asdict(found.thresholds)
    grace_s = found.thresholds.silence_grace
    own_grace = timedelta(seconds=grace_s) if isinstance(grace_s, (int, float)) else None
    policy = Policy(profile=Profile(str(values["profile"])), silence_grace=own_grace)
    every, allowed, grace = policy.heartbeat_interval, policy.silence_allowance, policy.grace
    print(
        f"\njudged by rules {found.rule_version or '–'}, profile {policy.profile.value}: a heartbeat every"
        f" {duration(every.total_seconds())}, silence for {duration(allowed.total_seconds())} and"
        f" {duration(grace.total_seconds())} of grace"
    )
    names = dict(zip(PolicyChanges.__struct_encode_fields__, PolicyChanges.__struct_fields__, strict=True))
    shown = {name: level for name, level in found.levels.items() if all_of_them or level is not Level.DEFAULT}
    print_table(
        ("threshold", "in force", "decided by"),
        [(name, threshold_shown(names[name], values[names[name]]), DECIDED_BY[level]) for name, level in shown.items()],
    )
    if len(shown) < len(found.levels):
        print(f"and {len(found.levels) - len(shown)} defaults, which --thresholds lists")


def _why(finding: "Finding", zone: tzinfo) -> str:
    from rules.words import explain

    why = explain(finding.because, zone)
    return why if finding.untold is None else f"{why}; nobody was told: {explain(finding.untold, zone)}"


def _clock(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
