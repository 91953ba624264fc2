"""How far a hotel has come on the way from HTTP to MQTT, tablet by tablet, and what would be cut at its end."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Final

from litestar import get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from msgspec import Struct

from api.gate import needs
from api.parameters import PAGE, Cursor, Limit, Name, device_named
from api.problems import problems
from api.settings import ApiSettings
from broker.tokens import Role
from rules.ids import HotelId
from store import Actor, Store
from store.records import MigrationCounts, MigrationRow, OrphanRow

STRANGERS: Final = 100

_Cut = Annotated[bool, QueryParameter(description="Only those that the end of the shared token would cut.")]


class Migration(Struct, frozen=True, rename="camel", kw_only=True):
    """A page of the hotel's tablets, and all of them in numbers.

    `shared_token`: whether the token that old tablets share (API_TOKEN) acts in this hotel. Where it does not, those
    that it would cut are cut already. `strangers` are tablets that came with a good token and are unknown, or for which
    the shared token may not speak; the last heard first, and at most 100.
    """

    shared_token: bool
    counts: MigrationCounts
    items: tuple[MigrationRow, ...]
    next: str | None
    strangers: tuple[OrphanRow, ...]


class SharedTokenSaid(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    shared_token: bool


@get("/migration", tags=["migration"], opt=needs(Role.VIEWER), responses=problems(400, 401, 403, 404, 503))
async def show_migration(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    settings: NamedDependency[ApiSettings],
    cut: _Cut = False,  # noqa: FBT002, a query parameter
    cursor: Cursor = None,
    limit: Limit = PAGE,
) -> Migration:
    """By which way each tablet speaks, and when it was last heard by each (some minutes behind), in order of id."""
    page = await store.migration(hotel_id, cut=cut, cursor=cursor, limit=limit)
    return Migration(
        shared_token=settings.shared_token is not None and settings.shared_token.hotel_id == hotel_id,
        counts=await store.migration_counts(hotel_id),
        items=page.items,
        next=page.next,
        strangers=tuple(await store.orphans(hotel_id))[:STRANGERS],
    )


@put(
    "/migration/{device_id:str}",
    tags=["migration"],
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 413, 415, 503),
)
async def let_shared_token_speak(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    device_id: Name,
    data: JSONBody[SharedTokenSaid],
) -> SharedTokenSaid:
    """Let the token that old tablets share speak for this one, or no more; felt at once."""
    await store.let_shared_token_speak(hotel_id, device_named(device_id), allowed=data.shared_token, by=by, now=clock())
    return data
