"""`innwatch doctor` finds what is wrong, names the remedy, and shows no secret."""

import asyncio
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from config.doctor.database import apart, examine_database
from config.doctor.findings import Finding, Grade
from config.doctor.servers import examine_mail, examine_redis
from config.doctor.strange_broker import TRIED, StrangeBroker, entrance
from config.folder import Folder
from config.settings_store import DatabaseLimits, DatabaseUrl, RedisUrl
from config.settings_uplink import read_broker_url
from store import INNWATCH as BY_ITSELF
from store import Deed, LocalDoorbell, Store
from tests.config.command_line import INNWATCH, CommandLine
from tests.store.given import add_hotel, batch, heartbeat
from tests.support import PostgreSQL, Processes, Redis, eventually_sync, free_port, requires
from tests.support.command_line import Ended, quiet_environment
from tests.support.mosquitto import Mosquitto
from tests.worker.support import MailServer
from worker.smtp import Smtp, SmtpSecurity

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PASSWORD = "s3cr3t-of-the-house"


def ports() -> dict[str, str]:
    """Where nobody answers, whatever else runs on this machine."""
    names = ("HTTP", "BROKER_HEALTH", "BRIDGE_HEALTH", "WORKER_HEALTH")
    return {f"INNWATCH_{name}_PORT": str(free_port()) for name in names}


def found(ended: Ended) -> dict[str, tuple[str, str]]:
    """The worst that was found about each thing, and its words."""
    ranked = sorted(ended.json()["findings"], key=lambda one: ["well", "look", "wrong"].index(one["grade"]))
    return {one["about"]: (one["grade"], one["says"]) for one in ranked}


def is_well(cli: CommandLine, chosen: dict[str, str]) -> bool:
    return found(cli.refused("doctor", "--json", **chosen)).get("up, or api", ("", ""))[0] == "well"


def of(findings: list[Finding], about: str) -> Finding:
    return max((one for one in findings if one.about == about), key=lambda one: one.grade)


def test_an_installation_that_runs_is_well_but_for_what_nobody_set(
    cli: CommandLine, processes: Processes, tmp_path: Path
) -> None:
    chosen = ports() | {"INNWATCH_MQTT_PORT": str(free_port()), "INNWATCH_WS_PORT": str(free_port())}
    processes.start([INNWATCH, "up", "--data", cli.folder.path], env=quiet_environment(chosen))
    eventually_sync(lambda: is_well(cli, chosen), within=30)

    ended = cli.refused("doctor", "--json", **chosen)

    assert ended.code == 1
    assert {about for about, (grade, _) in found(ended).items() if grade == "look"} == {
        "links",
        "data folder",  # the tests' own folder says that its clock may be moved
        "first login",
    }
    assert {about for about, (grade, _) in found(ended).items() if grade == "well"} >= {
        "database",
        "disk",
        "permissions",
        "signing key",
        "clock",
    }
    assert ended.json()["worst"] == "look"


def test_a_person_reads_a_table_with_the_remedies(cli: CommandLine) -> None:
    ended = cli.refused("doctor", **ports())

    assert ended.code == 1
    assert "none of Innwatch's runs here" in ended.out
    assert "INNWATCH_PUBLIC_URL" in ended.out


def test_nothing_is_made_where_there_is_nothing(tmp_path: Path) -> None:
    ended = CommandLine(Folder(tmp_path / "none")).refused("doctor", "--json", **ports())

    assert ended.code == 2
    assert found(ended)["database"][0] == "wrong"
    assert not (tmp_path / "none").exists()


def test_a_folder_in_which_nothing_is_kept_is_nobodys_concern(tmp_path: Path) -> None:
    """As in the containers of one server, whose file system cannot be written."""
    url = f"postgresql://innwatch@127.0.0.1:{free_port()}/innwatch"

    ended = CommandLine(Folder(tmp_path)).refused("doctor", "--json", DATABASE_URL=url, **ports())

    assert not {"disk", "permissions", "data folder"} & set(found(ended))


def test_a_setting_that_cannot_be_right_is_a_finding(cli: CommandLine) -> None:
    ended = cli.refused("doctor", "--json", INNWATCH_HTTP_PORT="http")

    assert ended.code == 2
    assert found(ended)["settings"][0] == "wrong"
    assert "INNWATCH_HTTP_PORT" in found(ended)["settings"][1]


def test_keys_that_others_can_read_or_that_are_torn_are_a_finding(cli: CommandLine) -> None:
    cli("keys", "rotate")
    cli.folder.keys.chmod(0o644)
    read_by_others = cli.refused("doctor", "--json", **ports())
    cli.folder.keys.write_text("{")
    torn = cli.refused("doctor", "--json", **ports())

    assert found(read_by_others)["signing key"][0] == "look"
    assert found(torn)["signing key"][0] == "wrong"


def test_a_shared_token_for_a_hotel_that_is_not_there_is_wrong(cli: CommandLine) -> None:
    cli("hotel", "add", "grand")
    shared = {"API_TOKEN": "b0arding-pass-0f-the-0ld-days"} | ports()

    right = found(cli.refused("doctor", "--json", INNWATCH_LEGACY_HOTEL="grand", **shared))
    mistyped = found(cli.refused("doctor", "--json", INNWATCH_LEGACY_HOTEL="grnad", **shared))

    assert right["shared token"] == ("well", "acts in grand; its end would cut 0 tablets off")
    assert mistyped["shared token"][0] == "wrong"


def test_a_mistyped_setting_is_named(cli: CommandLine) -> None:
    ended = cli.refused("doctor", "--json", INNWATCH_HTPP_PORT="8000", **ports())

    assert found(ended)["settings"][0] == "look"
    assert "INNWATCH_HTPP_PORT" in found(ended)["settings"][1]


def test_what_others_may_look_into_is_wrong(cli: CommandLine) -> None:
    for file in cli.folder.path.iterdir():
        file.chmod(0o600)
    cli.folder.path.chmod(0o755)
    assert found(cli.refused("doctor", "--json", **ports()))["permissions"][0] == "well"
    (cli.folder.path / "signing.key").chmod(0o640)

    ended = cli.refused("doctor", "--json", **ports())

    assert ended.code == 2
    assert found(ended)["permissions"][0] == "wrong"
    assert "signing.key" in found(ended)["permissions"][1]


def test_a_database_of_a_newer_innwatch_is_wrong(cli: CommandLine) -> None:
    with closing(sqlite3.connect(cli.folder.database)) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")

    ended = cli.refused("doctor", "--json", **ports())

    assert ended.code == 2
    assert "9999" in found(ended)["database"][1]


def test_what_is_open_to_others_is_told(cli: CommandLine) -> None:
    ended = cli.refused("doctor", "--json", INNWATCH_HOST="::", **ports())

    assert found(ended)["encryption"][0] == "look"
    ended = cli.refused("doctor", "--json", INNWATCH_LISTEN="mqtts://0.0.0.0:8883 mqtt://127.0.0.1:1883", **ports())
    assert "encryption" not in found(ended)


def test_no_secret_is_shown_whatever_fails(cli: CommandLine) -> None:
    nobody = free_port()
    secrets = {
        "DATABASE_URL": f"postgresql://innwatch:{PASSWORD}@127.0.0.1:{nobody}/innwatch",
        "REDIS_URL": f"redis://:{PASSWORD}@127.0.0.1:{nobody}/0",
        "INNWATCH_BROKER": f"mqtt://bridge:{PASSWORD}@127.0.0.1:{nobody}",
        "SECRET_KEY": PASSWORD,
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(nobody),
        "SMTP_USERNAME": "inn",
        "SMTP_PASSWORD": PASSWORD,
        "SLACK_WEBHOOK_URL": f"https://hooks.example/{PASSWORD}",
        "INNWATCH_METRICS_TOKEN": PASSWORD,
    }
    ended = cli.as_process("doctor", "--json", **secrets, **ports())

    wrong = {about for about, (grade, _) in found(ended).items() if grade == "wrong"}
    assert wrong >= {"signing key", "database", "Redis", "broker", "mail server"}
    assert ended.code == 2
    assert PASSWORD not in ended.out + ended.err


@pytest.mark.parametrize(
    ("seconds", "grade"), [(0.4, Grade.WELL), (-1.9, Grade.WELL), (3, Grade.LOOK), (-20, Grade.LOOK), (31, Grade.WRONG)]
)
def test_clocks_that_differ_are_told(seconds: float, grade: Grade) -> None:
    assert apart("the database's clock", timedelta(seconds=seconds)).grade is grade


async def test_what_has_waited_too_long_is_told(cli: CommandLine) -> None:
    with closing(sqlite3.connect(cli.folder.database)) as raw, raw:
        raw.execute("PRAGMA foreign_keys = off")
        rows = [(received, b"{}") for received in (0, 1)]
        raw.executemany(
            "INSERT INTO inbox (hotel_key, device_key, kind, payload, received_at) VALUES (1, 1, 'heartbeat', ?2, ?1)",
            rows,
        )
        raw.execute("INSERT INTO lease (name, holder, generation, until) VALUES ('bridge', 'host-1:7', 3, 0)")

    findings = await examine_database(
        DatabaseUrl(cli.folder.database_url), DatabaseLimits(), clock=lambda: datetime(1970, 1, 1, 0, 20, tzinfo=UTC)
    )

    assert of(findings, "inbox").grade is Grade.WRONG
    assert of(findings, "inbox").says == "2 wait, the oldest for 1200 s"
    assert "host-1:7" in of(findings, "lease").says
    assert of(findings, "notices").says == "none waits"


async def test_backups_that_are_old_or_missing_are_told(cli: CommandLine) -> None:
    store = await Store.open(cli.folder.database_url, doorbell=LocalDoorbell())
    (device,) = await add_hotel(store, tablets=1)

    async def backup(*, hours: float) -> tuple[Grade, str] | None:
        at = NOW + timedelta(hours=hours)
        findings = await examine_database(DatabaseUrl(cli.folder.database_url), DatabaseLimits(), clock=lambda: at)
        return next(((one.grade, one.says) for one in findings if one.about == "backup"), None)

    assert await backup(hours=0) is None
    await store.apply(batch(heartbeat(device, "m-1", at=NOW), at=NOW))
    assert await backup(hours=47) is None
    assert await backup(hours=49) == (Grade.LOOK, "none was ever made of this database")
    await store.write_audit(None, Deed.BACKUP_MADE, by=BY_ITSELF, subject="a.backup", now=NOW)
    assert await backup(hours=47) == (Grade.WELL, "the newest was made 47 hours ago")
    assert await backup(hours=49) == (Grade.LOOK, "the newest was made 49 hours ago")
    await store.close()


def test_hotels_that_tell_people_by_what_is_switched_off_are_told(cli: CommandLine) -> None:
    assert found(cli.refused("doctor", "--json", **ports()))["notices"][0] == "well"
    cli("hotel", "add", "grand", "--email", "night@grand.example")

    grade, says = found(cli.refused("doctor", "--json", **ports()))["notices"]

    assert (grade, says.startswith("1 of the hotels tell people by email, and SMTP_HOST")) == ("look", True)


@pytest.mark.server
async def test_a_postgresql_without_fsync_breaks_a_promise(postgresql: PostgreSQL) -> None:
    url = postgresql.database()
    await (await Store.open(url, doorbell=LocalDoorbell())).close()

    findings = await examine_database(DatabaseUrl(url), DatabaseLimits(), clock=lambda: datetime.now(UTC))

    assert of(findings, "database").grade is Grade.WELL
    assert of(findings, "database").says.startswith("PostgreSQL ")
    assert of(findings, "durability") == Finding(
        "durability",
        Grade.WRONG,
        "fsync is off: what was acknowledged can be lost with the machine's power",
        "set fsync = on in postgresql.conf",
    )
    assert of(findings, "clock").grade is Grade.WELL


@pytest.mark.server
async def test_a_postgresql_that_was_not_migrated_is_told_so(postgresql: PostgreSQL) -> None:
    (finding,) = await examine_database(DatabaseUrl(postgresql.database()), DatabaseLimits(), clock=lambda: NOW)

    assert finding.grade is Grade.WRONG
    assert finding.remedy == "run `innwatch migrate`"


@pytest.mark.server
async def test_a_postgresql_that_cannot_hold_every_text_is_wrong(postgresql: PostgreSQL) -> None:
    url = postgresql.database()
    await (await Store.open(url, doorbell=LocalDoorbell())).close()
    name = url.rpartition("/")[2]
    postgresql.sql(f"UPDATE pg_database SET encoding = pg_char_to_encoding('LATIN1') WHERE datname = '{name}'")  # noqa: S608

    findings = await examine_database(DatabaseUrl(url), DatabaseLimits(), clock=lambda: datetime.now(UTC))

    assert of(findings, "encoding").grade is Grade.WRONG
    assert "LATIN1" in of(findings, "encoding").says


@pytest.mark.server
async def test_a_redis_that_forgets_is_told(processes: Processes, tmp_path: Path) -> None:
    redis = Redis(processes, tmp_path, "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru", password=PASSWORD)
    redis.start()

    findings = await examine_redis(RedisUrl(redis.url))

    assert of(findings, "Redis").grade is Grade.LOOK
    assert findings[0].grade is Grade.WELL
    assert PASSWORD not in str(findings)
    (refused,) = await examine_redis(RedisUrl(redis.url.replace(PASSWORD, "another")))
    assert refused.grade is Grade.WRONG


async def test_a_mail_server_is_tried_without_a_mail() -> None:
    async with MailServer(password=PASSWORD).running() as mail:
        smtp = Smtp(host="127.0.0.1", port=mail.port, username="inn", password=PASSWORD, security=SmtpSecurity.NONE)
        (well,) = await examine_mail(smtp, clock=lambda: NOW)
        (wrong,) = await examine_mail(replace(smtp, password="another"), clock=lambda: NOW)
        sent = mail.mails

    assert (well.grade, wrong.grade, sent) == (Grade.WELL, Grade.WRONG, [])


@pytest.mark.server
async def test_a_mosquitto_as_the_documents_want_it_is_well(processes: Processes, tmp_path: Path) -> None:
    mosquitto = Mosquitto(processes, tmp_path, *allowing(tmp_path, "topic readwrite hotels/#"))
    await asyncio.to_thread(mosquitto.start)

    findings = await doctor_of(mosquitto).examine()

    assert {one.grade for one in findings} == {Grade.WELL}
    assert PASSWORD not in str(findings)


@pytest.mark.server
async def test_a_mosquitto_left_to_its_defaults_is_not(processes: Processes, tmp_path: Path) -> None:
    rules = allowing(tmp_path, "topic readwrite hotels/#")
    mosquitto = Mosquitto(processes, tmp_path, *rules, "max_queued_messages 1000", "max_inflight_messages 20")
    await asyncio.to_thread(mosquitto.start)

    findings = await doctor_of(mosquitto).examine()

    assert of(findings, "broker's queue").grade is Grade.WRONG
    assert f"of {TRIED}" in of(findings, "broker's queue").says


@pytest.mark.server
async def test_a_mosquitto_whose_rules_shut_us_out_or_everybody_in_is_told(
    processes: Processes, tmp_path: Path
) -> None:
    mosquitto = Mosquitto(processes, tmp_path, *allowing(tmp_path, "topic write hotels/#"))
    await asyncio.to_thread(mosquitto.start)
    assert of(await doctor_of(mosquitto).examine(), "broker's rules").grade is Grade.WRONG
    mosquitto.kill()

    (tmp_path / "open").mkdir()
    anybody = Mosquitto(processes, tmp_path / "open")
    await asyncio.to_thread(anybody.start)
    assert of(await doctor_of(anybody).examine(), "broker's door").grade is Grade.LOOK


@pytest.mark.parametrize(
    ("version", "grade"),
    [
        ("mosquitto version 1.6.15", Grade.LOOK),
        ("mosquitto version 2.0.11", Grade.WELL),
        ("mosquitto version 10.1", Grade.WELL),
        ("EMQX 4.4", Grade.WELL),
        (None, Grade.WELL),
    ],
)
def test_a_broker_that_is_too_old_is_told(version: str | None, grade: Grade) -> None:
    assert entrance("it lets us in", version).grade is grade


def allowing(folder: Path, *rules: str) -> list[str]:
    """Lines of a configuration that lets in `bridge` by its password, to do what the rules say."""
    passwords, allowed = folder / "passwords", folder / "rules"
    subprocess.run([requires("mosquitto_passwd"), "-b", "-c", passwords, "bridge", PASSWORD], check=True)
    allowed.write_text("\n".join(["user bridge", *rules]) + "\n")
    for file in (passwords, allowed):
        file.chmod(0o600)
    return [f"password_file {passwords}", f"acl_file {allowed}"]


def doctor_of(mosquitto: Mosquitto) -> StrangeBroker:
    return StrangeBroker(read_broker_url(f"mqtt://bridge:{PASSWORD}@127.0.0.1:{mosquitto.port}"), None)
