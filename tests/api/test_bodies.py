"""A body has the types that a route wants, and what is wrong with it is said in words."""

import msgspec
import pytest

from api.bodies import is_strict
from api.complaints import complaint
from api.people import NewRole, NewScopes
from api.problems import FieldError, field_error
from api.records.agents import AskedToken, RegisterTablet
from api.routes.policy import ChangedPolicy
from api.telemetry import SaidHeartbeat
from broker.tokens import Role
from rules.proposal import ReplayRequest
from rules.room_status import PmsMessage
from rules.texts import in_words
from tests.api.support import INN, World

SPAN = {"startsAt": "2026-11-23T10:00:00Z", "endsAt": "2026-11-23T12:00:00+01:00"}


def wrong(body: object, wanted: type[msgspec.Struct] = ChangedPolicy) -> FieldError | None:
    found = complaint(msgspec.json.encode(body), wanted)
    return None if found is None else field_error(found.path, found.said)


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"docked": 1}, "docked", "must be true or false"),
        ({"batteryLow": "33"}, "batteryLow", "must be 1 to 90 %"),
        ({"batteryLow": "null"}, "batteryLow", "must be 1 to 90 %"),
        ({"batteryLow": True}, "batteryLow", "must be 1 to 90 %"),
        ({"takeOvers": 2.5}, "takeOvers", "must be a whole number, 2 to 20 times"),
        ({"profile": "lax"}, "profile", "must be strict or normal"),
        ({"ifRevision": 7}, "ifRevision", "must be a text"),
        ({"batterylow": 7}, "batterylow", "Object contains unknown field `batterylow`"),
        ([], "body", "Expected `object`, got `array`"),
    ],
)
def test_a_policy_takes_no_type_for_another(body: object, field: str, said: str) -> None:
    assert wrong(body) == FieldError(field, said)


def test_null_inherits_and_a_whole_number_is_one() -> None:
    assert wrong({"batteryLow": None, "batteryLowClear": 40, "takeOvers": 3, "docked": False}) is None
    assert wrong(SPAN, ReplayRequest) is None


def test_a_replay_names_the_room_of_a_floor_and_no_number_is_a_time() -> None:
    floors = {"proposal": {"floors": {"101": -70, "102": 9}}}

    assert wrong(SPAN | floors, ReplayRequest) == FieldError("proposal.floors.102", "must be 0 or less")
    assert wrong(SPAN | {"endsAt": 1}, ReplayRequest) == FieldError("endsAt", "is no RFC 3339 time with a zone")
    assert wrong(SPAN | {"endsAt": "soon"}, ReplayRequest) == FieldError("endsAt", "is no RFC 3339 time with a zone")


def test_a_choice_names_what_there_is() -> None:
    assert wrong({"role": "king"}, NewRole) == FieldError("role", "must be viewer, staff or manager")
    assert (refused := wrong({"scopes": ["money"]}, NewScopes)) is not None
    assert (refused.field, refused.detail.startswith("must be ")) == ("scopes[0]", True)


def test_a_query_is_told_what_would_be_right_too() -> None:
    assert in_words("Expected `int` >= 1") == "must be 1 or more"
    assert in_words("Expected `str` of length <= 64") == "must be 64 characters or fewer"


@pytest.mark.parametrize("wanted", [SaidHeartbeat, PmsMessage, RegisterTablet, AskedToken])
def test_what_tablets_and_hotel_systems_of_all_ages_say_is_taken_as_ever(wanted: type[msgspec.Struct]) -> None:
    assert not is_strict(wanted)


async def test_a_word_null_clears_no_threshold(world: World) -> None:
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        await client.patch("/api/policy", json={"batteryLow": 33})
        refused = await client.patch("/api/policy", json={"batteryLow": "null"})
        own = (await client.get("/api/policy")).json()["own"]

    assert (refused.status_code, refused.json()["errors"]) == (
        400,
        [{"field": "batteryLow", "detail": "must be 1 to 90 %"}],
    )
    assert own["batteryLow"] == 33
