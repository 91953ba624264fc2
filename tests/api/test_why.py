"""Looking back over HTTP: times at the edges of the calendar."""

import pytest

from broker.tokens import Role
from tests.api.support import INN, World


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"to": "9999-12-31T23:59:59Z"}, "to"),
        ({"to": "9999-12-31T23:59:59-12:00"}, "to"),
        ({"to": "0001-01-01T00:30:00Z"}, "to"),
        ({"from": "0001-01-01T00:00:00+12:00"}, "from"),
        ({"from": "9999-12-31T23:00:00Z"}, "from"),
        ({"to": "8000-01-02T00:00:00Z", "from": "8000-01-01T00:00:00Z"}, None),
    ],
)
async def test_a_time_at_the_edge_is_refused_by_its_field(
    world: World, asked: dict[str, str], field: str | None
) -> None:
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        answer = await client.get("/api/devices/tab-1/why", params=asked)

    if field is None:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
