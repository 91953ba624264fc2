"""Redis and the mail server: are they there, and would they do what we ask of them?"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from config.doctor.findings import Finding, look, well, wrong
from config.settings_store import RedisUrl
from worker.channels import DeliveryFailed
from worker.email import EmailSender
from worker.smtp import Smtp

OLDEST_REDIS: Final = 7
_PATIENCE_S: Final = 3.0


async def examine_redis(url: RedisUrl) -> list[Finding]:
    try:
        client = Redis.from_url(
            url.url,
            socket_timeout=_PATIENCE_S,
            socket_connect_timeout=_PATIENCE_S,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )
        async with client:
            facts: dict[str, object] = await client.info()
    except (RedisError, OSError, ValueError) as failure:
        remedy = (
            "is it running, is the address right, is the password? See REDIS_URL; meanwhile all is slower by a second"
        )
        return [wrong("Redis", f"{url}: {failure}", remedy)]
    return [*_version(url, facts), *_memory(facts)]


def _version(url: RedisUrl, facts: dict[str, object]) -> list[Finding]:
    version = str(facts.get("redis_version", "?"))
    says = f"Redis {version}, {url}"
    if not version.partition(".")[0].isdigit() or int(version.partition(".")[0]) < OLDEST_REDIS:
        return [wrong("Redis", says, f"use Redis {OLDEST_REDIS} or newer")]
    if facts.get("role") != "master":
        return [wrong("Redis", f"{says}: it is a replica and takes no work", "name the primary in REDIS_URL")]
    return [well("Redis", says)]


def _memory(facts: dict[str, object]) -> list[Finding]:
    policy = str(facts.get("maxmemory_policy", "noeviction"))
    if facts.get("maxmemory") and policy != "noeviction":
        says = f"when its memory is full it forgets work (maxmemory-policy {policy}): notices come seconds late then"
        return [look("Redis", says, "set maxmemory-policy noeviction")]
    return []


async def examine_mail(smtp: Smtp, *, clock: Callable[[], datetime]) -> list[Finding]:
    """Connect and log in, and send nothing."""
    try:
        await EmailSender(smtp, clock=clock).try_out()
    except DeliveryFailed as failure:
        return [
            wrong(
                "mail server", failure.detail, "see SMTP_HOST, SMTP_PORT, SMTP_SECURITY, SMTP_USERNAME, SMTP_PASSWORD"
            )
        ]
    return [well("mail server", f"{smtp.host}:{smtp.port} lets us in; no mail was sent")]
