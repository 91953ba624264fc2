"""Why there was an alert, and why there was none: what was stored, judged once more before the reader's eyes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec.structs import replace

from api.gate import Caller, needs
from api.look_backs import LookBacks
from api.parameters import Name, alert_named, device_named, era_checked, moment_said
from api.problems import invalid, problems
from api.records import of_alert_alone
from broker.tokens import Role
from rules.ids import HotelId
from store import Store
from store.hindsight import LONGEST
from store.records import AlertWhy, DeviceWhy

_From = Annotated[
    str | None, QueryParameter(name="from", format="date-time", description="Start; an hour before the end if absent.")
]
_To = Annotated[
    str | None,
    QueryParameter(name="to", format="date-time", description="End, exclusive; now if absent or still to come."),
]
_Most = Annotated[int, QueryParameter(ge=1, le=5000, description="Messages to show, at most, evenly over the time.")]


@get(
    "/alerts/{alert_id:str}/why",
    tags=["alerts"],
    opt=needs(Role.VIEWER, scope="alerts"),
    responses=problems(400, 401, 403, 404, 429, 503),
)
async def why_alert(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    look_backs: NamedDependency[LookBacks],
    caller: NamedDependency[Caller],
    clock: NamedDependency[Callable[[], datetime]],
    alert_id: Name,
) -> AlertWhy:
    """What led to an alert: samples, thresholds, what spoke for it, its life, and whom it was told.

    The last is for the hotel's people: an integrator sees neither notices nor steps about them.
    """
    async with look_backs.turn(hotel_id):
        why = await store.why_alert(hotel_id, alert_named(alert_id), now=clock())
    return why if caller.role is not None else replace(why, notices=(), timeline=of_alert_alone(why.timeline))


@get(
    "/devices/{device_id:str}/why",
    tags=["devices"],
    opt=needs(Role.VIEWER, scope="alerts"),
    responses=problems(400, 401, 403, 404, 429, 503),
)
async def why_device(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    look_backs: NamedDependency[LookBacks],
    clock: NamedDependency[Callable[[], datetime]],
    device_id: Name,
    from_: _From = None,
    to: _To = None,
    most: _Most = 500,
) -> DeviceWhy:
    """What spoke for trouble of a tablet in [from, to), a day at most, and what came of it or held it back."""
    now = clock()
    end = now if to is None else min(now, era_checked("to", moment_said("to", to)))
    start = end - timedelta(hours=1) if from_ is None else era_checked("from", moment_said("from", from_))
    if start >= now:
        raise invalid("from", "is still to come")
    if not start < end:
        raise invalid("from", "must be before `to`")
    if end - start > LONGEST:
        raise invalid("from", f"is more than {LONGEST // timedelta(hours=1)} hours before `to`; ask for a day at most")
    async with look_backs.turn(hotel_id):
        return await store.why_device(hotel_id, device_named(device_id), start=start, end=end, most=most, now=now)
