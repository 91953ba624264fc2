"""Whom a hotel tells: the addresses of a channel are for its people to see, the webhook's is for nobody."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Final

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter
from msgspec import Meta, Struct

from api.gate import needs
from api.problems import Refused, Trouble, invalid, problems
from broker.tokens import Role
from rules.ids import HotelId
from rules.mail import is_mail_address
from store import Actor, Store
from store.records import Channel, ChannelId, ChannelKind, ChannelRow, EmailChannel, Page, SlackChannel

AT_MOST: Final = 20
"""Channels of a hotel: each is told of everything."""

_SLACK = re.compile(r"https://hooks\.slack(-gov)?\.com/[A-Za-z0-9/_-]{1,200}")
"""What Slack gives out. Any other address would let a manager have us post to whatever we can reach; for those there is
the command line.
"""

_Number = Annotated[int, PathParameter(description="The channel's number.", ge=1, le=2**63 - 1)]


class NewChannel(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """`recipients` for `email`, `webhook_url` for `slack`. `it`: told of tokens that end, and of nothing else."""

    kind: ChannelKind
    recipients: Annotated[tuple[Annotated[str, Meta(max_length=320)], ...], Meta(max_length=20)] = ()
    webhook_url: Annotated[str, Meta(max_length=320)] | None = None
    it: bool = False

    def __repr__(self) -> str:
        return f"NewChannel(kind={self.kind!r})"


class ChannelView(Struct, frozen=True):
    """A channel. A webhook's address is not shown: whoever has it may post."""

    id: ChannelId
    kind: ChannelKind
    recipients: tuple[str, ...]
    it: bool


@get("/channels", tags=["channels"], opt=needs(Role.VIEWER), responses=problems(400, 401, 403, 404, 503))
async def list_channels(store: NamedDependency[Store], hotel_id: NamedDependency[HotelId]) -> Page[ChannelView]:
    """The channels by which the hotel tells people, oldest first, on one page: a hotel has a few."""
    return Page(tuple(_view(row) for row in await store.channels(hotel_id)))


@post(
    "/channels",
    tags=["channels"],
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 409, 413, 415, 503),
)
async def add_channel(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    data: JSONBody[NewChannel],
) -> ChannelView:
    """Tell more people, of the alerts that change from now on."""
    channel = _channel(data)
    there = await store.channels(hotel_id)
    if len(there) >= AT_MOST:
        raise Refused(Trouble.EXISTS, f"The hotel has {AT_MOST} channels, and may have no more.")
    if any(_tells_the_same(channel, row.channel) for row in there):
        raise Refused(Trouble.EXISTS, "Somebody would be told everything twice.")
    return _view(await store.add_channel(hotel_id, channel, by=by, now=clock()))


@delete(
    "/channels/{channel_id:int}",
    tags=["channels"],
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 503),
)
async def remove_channel(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    channel_id: _Number,
) -> None:
    """Tell nobody by this channel any more. What waits for it is cancelled; what it told stays in the ledger."""
    await store.remove_channel(hotel_id, ChannelId(channel_id), by=by, now=clock())


def _channel(data: NewChannel) -> Channel:
    """Raises Refused (400)."""
    if data.kind is ChannelKind.SLACK:
        if data.recipients:
            raise invalid("recipients", "are for e-mail")
        if data.webhook_url is None or _SLACK.fullmatch(data.webhook_url) is None:
            raise invalid("webhookUrl", "is not the one that Slack shows: https://hooks.slack.com/services/…")
        return SlackChannel(data.webhook_url, data.it)
    if data.webhook_url is not None:
        raise invalid("webhookUrl", "is for Slack")
    recipients = tuple(dict.fromkeys(data.recipients))
    if not recipients or not all(is_mail_address(one) for one in recipients):
        raise invalid("recipients", "are one or more mail addresses such as desk@example.com")
    return EmailChannel(recipients, data.it)


def _tells_the_same(one: Channel, other: Channel) -> bool:
    if isinstance(one, EmailChannel) and isinstance(other, EmailChannel):
        return one.it == other.it and not set(one.recipients).isdisjoint(other.recipients)
    return one == other


def _view(row: ChannelRow) -> ChannelView:
    recipients = row.channel.recipients if isinstance(row.channel, EmailChannel) else ()
    return ChannelView(row.id, row.channel.kind, recipients, row.channel.it)
