"""Trying other thresholds on what has been: asked for here, done in a process of its own, and its result read here."""

import secrets
from collections.abc import Callable, Collection, Iterable
from datetime import datetime

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Struct
from msgspec.structs import asdict, replace

from api.gate import needs
from api.parameters import PAGE, Cursor, Limit, Name, bssids, checked, era_checked, replay_named
from api.problems import Refused, Trouble, invalid, problems
from broker.tokens import Role
from rules.ids import HotelId, ReplayId
from rules.proposal import Proposal, ReplayRequest, ReplayResult
from store import Actor, NotFound, Store, TooManyReplays
from store.records import Page
from store.replaying import Asked

_request = msgspec.json.Decoder(ReplayRequest)
_result = msgspec.json.Decoder(ReplayResult)


class ReplayView(Struct, frozen=True, rename="camel", kw_only=True):
    """A replay: `done` of `total` rows, both 0 until it has begun, and equal at its end.

    It ends with a result, or with an error in words.
    """

    id: ReplayId
    asked_by: str
    asked_at: datetime
    request: ReplayRequest
    done: int
    total: int
    finished_at: datetime | None
    error: str | None
    result: ReplayResult | None


@get("/replay", tags=["replay"], opt=needs(Role.VIEWER), responses=problems(400, 401, 403, 404, 503))
async def list_replays(
    store: NamedDependency[Store], hotel_id: NamedDependency[HotelId], cursor: Cursor = None, limit: Limit = PAGE
) -> Page[ReplayView]:
    """The hotel's replays of the last 30 days, the newest first, without their results."""
    page = await store.replays(hotel_id, cursor=cursor, limit=limit)
    return Page(tuple(_view(one) for one in page.items), page.next)


@get("/replay/{replay_id:str}", tags=["replay"], opt=needs(Role.VIEWER), responses=problems(400, 401, 403, 404, 503))
async def show_replay(store: NamedDependency[Store], hotel_id: NamedDependency[HotelId], replay_id: Name) -> ReplayView:
    """How far a replay is, and what came of it: the alerts gained and lost."""
    asked = await store.replay(hotel_id, replay_named(replay_id))
    if asked is None:
        raise NotFound("replay", replay_id)
    return _view(asked)


@post(
    "/replay",
    tags=["replay"],
    status_code=202,
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 409, 413, 415, 503),
)
async def ask_for_replay(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    data: JSONBody[ReplayRequest],
) -> ReplayView:
    """Judge [startsAt, endsAt) again with other thresholds, as soon as there is time for it; nothing changes by it.

    What is proposed is resolved as it would be once it was saved: what a room or a tablet decides itself goes before
    what the hotel does, but for `overrideAll`. The time is over by now, and rooms and tablets are there: else 400.
    """
    now = clock()
    era_checked("startsAt", data.starts_at)
    if era_checked("endsAt", data.ends_at) > now:
        raise invalid("endsAt", "is in the future: nothing is stored of that yet")
    if data.starts_at >= data.ends_at:
        raise invalid("endsAt", "must be after startsAt")
    asked_for = replace(data, proposal=await _sound(data.proposal, store=store, hotel_id=hotel_id))
    try:
        asked = await store.add_replay(
            hotel_id, ReplayId(secrets.token_hex(8)), msgspec.json.encode(asked_for), by=by, now=now
        )
    except TooManyReplays as error:
        raise Refused(Trouble.TOO_MANY_REPLAYS, str(error)) from None
    return _view(asked)


async def _sound(proposal: Proposal, *, store: Store, hotel_id: HotelId) -> Proposal:
    """The proposal with its access points as the rules compare them. Raises Refused (400) for what is none, and for
    rooms and tablets that the hotel does not have.
    """
    if proposal.rooms and proposal.devices:
        raise invalid("proposal.devices", "name rooms or devices, not both")
    if asdict(proposal.policy)["profile"] is None and not (proposal.rooms or proposal.devices):
        raise invalid("proposal.policy.profile", "a hotel always has one")
    named = {"rooms": proposal.rooms, "floors": proposal.floors, "accessPoints": proposal.access_points}
    if any(named.values()) or proposal.devices:
        hotel = await store.load_hotel(hotel_id)
        rooms, devices = {room.id for room in hotel.rooms}, {row.device.id for row in hotel.devices}
        for field, ids in named.items():
            _must_be_known(f"proposal.{field}", ids, known=rooms, kind="room")
        _must_be_known("proposal.devices", proposal.devices, known=devices, kind="tablet")
    named_points = {room: bssids(said, field="proposal.accessPoints") for room, said in proposal.access_points.items()}
    return replace(proposal, access_points=named_points)


def _must_be_known(field: str, ids: Iterable[str], *, known: Collection[str], kind: str) -> None:
    for one in ids:
        checked(**{field: one})
        if one not in known:
            raise invalid(field, f"{one} is no {kind} of this hotel")


def _view(asked: Asked) -> ReplayView:
    return ReplayView(
        id=asked.id,
        asked_by=asked.asked_by,
        asked_at=asked.asked_at,
        request=_request.decode(asked.request),
        done=asked.done,
        total=asked.total,
        finished_at=asked.finished_at,
        error=asked.error,
        result=None if asked.result is None else _result.decode(asked.result),
    )
