"""What was told to whom, and what was refused: the ledger of notifications, and the quarantine."""

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from api.gate import needs
from api.parameters import PAGE, Cursor, Limit
from api.problems import problems
from broker.tokens import Role
from rules.ids import HotelId
from store import Store
from store.records import Notification, NotificationState, Page, QuarantineRow

_State = Annotated[NotificationState | None, QueryParameter(name="state", description="Only those that stand so.")]


@get("/notifications", opt=needs(Role.VIEWER), tags=["notifications"], responses=problems(400, 401, 403, 404, 503))
async def list_notifications(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    state_: _State = None,
    cursor: Cursor = None,
    limit: Limit = PAGE,
) -> Page[Notification]:
    """Every notice that had to go out, newest first, with what became of it."""
    return await store.notifications(hotel_id, state=state_, cursor=cursor, limit=limit)


@get("/quarantine", opt=needs(Role.MANAGER), tags=["quarantine"], responses=problems(400, 401, 403, 404, 503))
async def list_quarantine(
    store: NamedDependency[Store], hotel_id: NamedDependency[HotelId], cursor: Cursor = None, limit: Limit = PAGE
) -> Page[QuarantineRow]:
    """Messages of the hotel's tablets that were refused, newest first."""
    return await store.quarantine(hotel_id, cursor=cursor, limit=limit)
