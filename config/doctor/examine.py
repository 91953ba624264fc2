"""All that is looked at, side by side where it waits for others."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

from config.database import database_of
from config.doctor.database import examine_database
from config.doctor.findings import Finding, well, wrong
from config.doctor.machine import examine_folder, examine_machine
from config.doctor.pages import examine_pages
from config.doctor.servers import examine_mail, examine_redis
from config.doctor.strange_broker import StrangeBroker
from config.doctor.told import examine_settings
from config.errors import BadSetting
from config.folder import Folder
from config.settings import Settings
from config.settings_uplink import BrokerUrl, trust
from store.records import ChannelKind

_REACH_S = 5.0


async def examine(
    settings: Settings, environment: Mapping[str, str], *, clock: Callable[[], datetime]
) -> list[Finding]:
    """What was found, in the order in which a person would look."""
    folder, database = Folder(settings.data), database_of(settings, Folder(settings.data))
    found = [*examine_machine(), *examine_settings(settings, folder, environment, clock=clock)]
    if folder.path.is_dir() and (database.file is not None or folder.shelf.exists()):  # else nothing is kept there
        found += examine_folder(folder)
    if database.file is not None and not database.file.exists():
        remedy = "start `innwatch up` once to make it, or say where it is by --data or DATABASE_URL"
        return [*found, wrong("database", f"there is none at {database}", remedy)]
    others = [
        examine_database(
            database,
            settings.database,
            clock=clock,
            switched_off=_switched_off(settings),
            legacy_hotel=settings.shared_token.hotel_id if settings.shared_token else None,
        ),
        examine_pages(settings, clock=clock),
    ]
    if settings.redis_url is not None:
        others.append(examine_redis(settings.redis_url))
    if settings.broker_url is not None:
        others.append(_broker(settings, settings.broker_url))
    if settings.smtp is not None:
        others.append(examine_mail(settings.smtp, clock=clock))
    return [*found, *(finding for findings in await asyncio.gather(*others) for finding in findings)]


def _switched_off(settings: Settings) -> dict[ChannelKind, str]:
    mail = {} if settings.smtp is not None else {ChannelKind.EMAIL: "SMTP_HOST"}
    slack = {} if settings.slack_enabled else {ChannelKind.SLACK: "SLACK_ENABLED"}
    return mail | slack


async def _broker(settings: Settings, url: BrokerUrl) -> list[Finding]:
    """One of ours asks for a token, and for the bridge's own name, which is taken: it only has to be there."""
    try:
        context = trust(url, ca=settings.broker_ca)
    except BadSetting as error:
        return [wrong("broker", str(error), "correct the variable")]
    if url.username is not None:
        return await StrangeBroker(url, context).examine()
    where = f"{url.host}:{url.port}"
    try:
        async with asyncio.timeout(_REACH_S):
            _, writer = await asyncio.open_connection(url.host, url.port, ssl=context)
    except (OSError, TimeoutError) as failure:
        why = "no answer in time" if isinstance(failure, TimeoutError) else str(failure)
        return [wrong("broker", f"{where}: {why}", "is `innwatch broker` running there? See INNWATCH_BROKER")]
    writer.close()
    return [well("broker", f"{where} can be reached")]
