"""Who did what: the hotel's audit, and the platform's."""

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from api.gate import Caller, needs
from api.parameters import PAGE, Cursor, Limit
from api.problems import problems
from broker.tokens import Role
from store import AuditEntry, Store
from store.records import Page

_Deed = Annotated[
    str | None,
    QueryParameter(
        name="deed",
        pattern=r"^[a-z][a-z.-]{0,63}$",
        description="Only this deed, such as `device.revoked`, or those that begin so, such as `device.`.",
    ),
]
_Name = r"^[^\x00]{1,128}$"
_Actor = Annotated[str | None, QueryParameter(name="actor", pattern=_Name, description="Only what they did.")]
_Subject = Annotated[str | None, QueryParameter(name="subject", pattern=_Name, description="Only what was done to it.")]


@get("/audit", opt=needs(Role.MANAGER, hotel=False), tags=["audit"], responses=problems(400, 401, 403, 404, 503))
async def list_audit(
    store: NamedDependency[Store],
    caller: NamedDependency[Caller],
    *,
    deed: _Deed = None,
    actor: _Actor = None,
    subject: _Subject = None,
    cursor: Cursor = None,
    limit: Limit = PAGE,
) -> Page[AuditEntry]:
    """Who did what to what in the hotel, when and from where, newest first.

    With an admin's token of no hotel: what was done to accounts and keys, which belong to none.
    """
    hotel_id = caller.claims.hotel_id
    if hotel_id is None:
        return await store.platform_audit(deed=deed, actor=actor, subject=subject, cursor=cursor, limit=limit)
    return await store.audit(hotel_id, deed=deed, actor=actor, subject=subject, cursor=cursor, limit=limit)
