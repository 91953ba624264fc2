"""Commands: asking a tablet to do something, and what became of it."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec.structs import replace

from api.accounts import rank
from api.gate import Caller, needs
from api.parameters import PAGE, Cursor, Limit, Name, command_named, device_named
from api.problems import Refused, Trouble, invalid, problems, too_many
from api.records import Ask
from broker.tokens import Role
from rules.ids import HotelId
from store import Actor, NotFound, Store, TooManyCommands
from store.records import Command, CommandName, Page

log = logging.getLogger(__name__)

LARGEST_ARGS = 4096
"""Bytes; a message to a tablet may have 8 KiB."""

FOR_STAFF = frozenset({CommandName.RING, CommandName.MESSAGE, CommandName.LOCATE})
"""What staff may ask of a tablet; the rest is for managers and admins."""

TAKEN_FOR = timedelta(seconds=30)
"""When to come again while too many commands of a tablet are open."""


@post(
    "/devices/{device_id:str}/commands",
    tags=["commands"],
    opt=needs(Role.STAFF),
    responses=problems(400, 401, 403, 404, 413, 415, 429, 503),
)
async def send_command(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    caller: NamedDependency[Caller],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    device_id: Name,
    data: JSONBody[Ask],
) -> Command:
    """Ask a tablet to do something. `ring`, `message` and `locate` are for staff, the rest for managers.

    It is sent at once, and again when the tablet comes back, until the tablet confirms it or it expires.
    """
    if not _may(caller, data.name):
        raise Refused(Trouble.FORBIDDEN, f"{data.name} needs the role {Role.MANAGER}")
    if len(msgspec.json.encode(data.args)) > LARGEST_ARGS:
        raise invalid("args", f"has more than {LARGEST_ARGS} bytes")
    now = clock()
    try:
        command = await store.add_command(
            hotel_id,
            device_named(device_id),
            data.name,
            data.args,
            by=by,
            now=now,
            expires_at=now + timedelta(seconds=data.expires_in_seconds),
        )
    except TooManyCommands:
        raise too_many(TAKEN_FOR) from None
    log.info(
        "command given",
        {
            "hotel": hotel_id,
            "device": device_id,
            "command": command.id,
            "name": command.name,
            "user": by.name,
            "request": by.request_id,
        },
    )
    return command


@get(
    "/devices/{device_id:str}/commands",
    tags=["commands"],
    opt=needs(Role.STAFF),
    responses=problems(400, 401, 403, 404, 503),
)
async def list_commands(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    caller: NamedDependency[Caller],
    device_id: Name,
    cursor: Cursor = None,
    limit: Limit = PAGE,
) -> Page[Command]:
    """A tablet's commands, newest first. The arguments of those that the caller could not give are left out."""
    device = await store.find_device(hotel_id, device_named(device_id))
    if device is None:
        raise NotFound("device", device_id)
    page = await store.commands(hotel_id, device.id, cursor=cursor, limit=limit)
    return Page(tuple(_shown(one, caller) for one in page.items), page.next)


@get(
    "/commands/{command_id:str}",
    tags=["commands"],
    opt=needs(Role.STAFF),
    responses=problems(400, 401, 403, 404, 503),
)
async def show_command(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    caller: NamedDependency[Caller],
    command_id: Name,
) -> Command:
    """One command, and how far it has come."""
    command = await store.command(hotel_id, command_named(command_id))
    if command is None:
        raise Refused(Trouble.NOT_FOUND)
    return _shown(command, caller)


def _may(caller: Caller, name: CommandName) -> bool:
    return name in FOR_STAFF or (caller.role is not None and rank(caller.role) >= rank(Role.MANAGER))


def _shown(command: Command, caller: Caller) -> Command:
    return command if _may(caller, command.name) else replace(command, args={})
