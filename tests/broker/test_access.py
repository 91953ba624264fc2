"""Who may do what with which topic: the whole matrix, and the properties that no filter may break."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.access import TABLE, Refusal, may_connect, may_publish, may_subscribe
from broker.tokens import Claims, Role, TokenType
from broker.topics import MAY_RETAIN, TEMPLATES, Kind, matches, parse
from tests.broker.matrix import COLUMNS, ENROL, MATRIX, SERVICE, device, integrator, letters, person, subjects, topic_of

SCOPES = ("alerts", "events", "rooms", "pms")
CELLS = [(kind, column) for kind in Kind for column in COLUMNS]


def test_every_kind_stands_in_every_table() -> None:
    assert set(MATRIX) == set(TABLE) == set(TEMPLATES) == set(Kind)


@pytest.mark.parametrize(("kind", "column"), CELLS)
def test_who_may_publish(kind: Kind, column: str) -> None:
    own, other = subjects(kind)
    cell = letters(kind, column)
    got = [may_publish(COLUMNS[column], topic_of(kind, hotel="h1", subject=who)) is None for who in (own, other)]
    no_subject = kind in {Kind.EVENTS, Kind.MONITOR, Kind.PLATFORM_MONITOR}
    assert got == ["P" in cell or "p" in cell, "P" in cell or (no_subject and "p" in cell)]


@pytest.mark.parametrize(("kind", "column"), CELLS)
def test_who_may_read(kind: Kind, column: str) -> None:
    own, other = subjects(kind)
    cell = letters(kind, column)
    got = [may_subscribe(COLUMNS[column], topic_of(kind, hotel="h1", subject=who)) is None for who in (own, other)]
    assert got == ["R" in cell or "r" in cell, "R" in cell]


@pytest.mark.parametrize(("kind", "column"), CELLS)
def test_another_hotel_is_out_of_reach(kind: Kind, column: str) -> None:
    if column == "service" or kind is Kind.PLATFORM_MONITOR:
        return
    claims = COLUMNS[column]
    for who in subjects(kind):
        topic = topic_of(kind, hotel="h2", subject=who)
        assert may_publish(claims, topic) is Refusal.NOT_ALLOWED
        assert may_subscribe(claims, topic) is Refusal.NOT_ALLOWED


@pytest.mark.parametrize(("kind", "column"), CELLS)
def test_retain_only_where_the_table_says_so(kind: Kind, column: str) -> None:
    own, _ = subjects(kind)
    topic = topic_of(kind, hotel="h1", subject=own)
    plain, retained = may_publish(COLUMNS[column], topic), may_publish(COLUMNS[column], topic, retain=True)
    assert retained is (plain or (None if kind in MAY_RETAIN else Refusal.RETAIN))


@pytest.mark.parametrize(
    ("claims", "granted"),
    [
        (person(Role.STAFF), "hotels/h1/alerts/+"),
        (person(Role.STAFF), "hotels/h1/devices/+/status"),
        (person(Role.STAFF), "hotels/h1/rooms/+/state"),
        (person(Role.STAFF), "hotels/h1/clearance/+"),
        (person(Role.ADMIN), "hotels/h1/ext/+/#"),
        (person(Role.ADMIN), "hotels/h1/pms/+/in/+"),
        (integrator(), "hotels/h1/ext/opera/#"),
        (integrator(), "hotels/h1/ext/opera/+/x/#"),
        (integrator(), "hotels/h1/ext/opera"),
        (SERVICE, "hotels/+/devices/+/heartbeat"),
        (SERVICE, "hotels/+/pms/+/in/+"),
    ],
)
def test_filters_that_lie_inside(claims: Claims, granted: str) -> None:
    assert may_subscribe(claims, granted) is None


@pytest.mark.parametrize("claims", [claims for claims in COLUMNS.values() if claims is not SERVICE])
@pytest.mark.parametrize(
    "wide",
    [
        "#", "+", "+/#", "hotels/#", "hotels/+/#", "hotels/h1/#", "hotels/+/events", "hotels/+/alerts/+", "+/monitor",
        "hotels/h1/+", "hotels/h1/+/+", "hotels/h1/alerts/#", "hotels/h1/alerts/+/#", "hotels/h1/devices/#",
        "hotels/h1/devices/+/+", "hotels/h1/devices/d1/#", "hotels/h1/devices/d1/+", "hotels/h1/ext/#", "platform/#",
        "hotels/h1/staff/+/do", "hotels/h1/staff/+/result", "hotels/h1/staff/#", "hotels/h1/pms/#", "$SYS/#", "$SYS/x",
        "$share/g/hotels/h1/events", "hotels/+/monitor", "hotels/h1/events/#", "hotels/h1/monitor/#", "platform/+",
    ],
)  # fmt: skip
def test_filters_that_reach_further_than_the_token_are_refused(claims: Claims, wide: str) -> None:
    assert may_subscribe(claims, wide) is Refusal.NOT_ALLOWED


@pytest.mark.parametrize("wide", ["#", "hotels/#", "hotels/+/#", "+/+/+/+/+", "hotels/+/ext/opera/#"])
def test_even_a_service_reads_no_private_space(wide: str) -> None:
    assert may_subscribe(SERVICE, wide) is Refusal.NOT_ALLOWED


@pytest.mark.parametrize("broken", ["", "a/#/b", "hotels/h1/alerts/x+", "hotels/h1/events\0", "#/"])
def test_a_malformed_filter_is_called_that(broken: str) -> None:
    assert may_subscribe(person(Role.ADMIN), broken) is Refusal.MALFORMED_FILTER


@pytest.mark.parametrize("topic", ["hotels/h1/devices/d1/+", "hotels/h1/devices/d1/photo", "$SYS/x", "", "#"])
def test_a_name_outside_the_table_is_nobodys(topic: str) -> None:
    assert may_publish(device(), topic) is Refusal.NO_SUCH_TOPIC


@pytest.mark.parametrize(
    ("claims", "client_id", "username", "refusal"),
    [
        (device(), "h1/d1", "h1/d1", None),
        (device(), "h1/d1/x", "h1/d1", Refusal.CLIENT_ID),
        (device(), "h1/d2", "h1/d1", Refusal.CLIENT_ID),
        (device(), "", "h1/d1", Refusal.CLIENT_ID),
        (device(), "h1/d1", "h1/d2", Refusal.USER_NAME),
        (device(), "h1/d1", None, Refusal.USER_NAME),
        (person(Role.STAFF), "h1/user/ann/phone", "h1/user/ann", None),
        (person(Role.STAFF), "h1/user/ann", "h1/user/ann", Refusal.CLIENT_ID),
        (person(Role.STAFF), "h1/user/anna/phone", "h1/user/ann", Refusal.CLIENT_ID),
        (person(Role.STAFF), "", "h1/user/ann", None),
        (person(Role.STAFF), "", "h1/user/bob", Refusal.USER_NAME),
        (person(Role.ADMIN, hotel=None), "_/user/ann/x", "_/user/ann", None),
        (integrator(), "h1/integrator/opera/1", "h1/integrator/opera", None),
        (SERVICE, "_/service/bridge/1", "_/service/bridge", None),
        (ENROL, "h1/enrol/j", "h1/enrol/j", Refusal.TOKEN_TYPE),
    ],
)
def test_who_may_connect_as_what(claims: Claims, client_id: str, username: str | None, refusal: Refusal | None) -> None:
    assert may_connect(claims, client_id=client_id, username=username) is refusal


@pytest.mark.parametrize(
    ("claims", "will_topic", "retain", "refusal"),
    [
        (device(), "hotels/h1/devices/d1/state", False, None),
        (device(), "hotels/h1/devices/d1/state", True, None),
        (device(), "hotels/h1/devices/d2/state", True, Refusal.WILL),
        (person(Role.STAFF), "hotels/h1/alerts/x", True, Refusal.WILL),
        (device(), "hotels/h1/devices/d2/state", False, Refusal.WILL),
        (device(), "hotels/h2/devices/d1/state", False, Refusal.WILL),
        (device(), "hotels/h1/alerts/x", False, Refusal.WILL),
        (SERVICE, "platform/monitor", True, None),
    ],
)
def test_the_will_is_a_publish(claims: Claims, will_topic: str, retain: bool, refusal: Refusal | None) -> None:
    ids = {TokenType.DEVICE: claims.sub}
    client_id = ids.get(claims.type, f"{claims.sub}/1")
    got = may_connect(claims, client_id=client_id, username=claims.sub, will_topic=will_topic, will_retain=retain)
    assert got is refusal


# Every topic of a small world of two hotels, so that "every topic that the filter matches" can be asked in full.
NAMES = ["d1", "d2", "ann", "bob", "opera", "fidelio", "x"]
UNIVERSE = sorted(
    {topic_of(kind, hotel=hotel, subject=name) for kind in Kind for hotel in ("h1", "h2") for name in NAMES}
)
identities = st.one_of(
    st.builds(device, st.sampled_from(["h1", "h2"]), st.sampled_from(["d1", "d2", "ann"])),
    st.builds(person, st.sampled_from(Role), st.sampled_from(["h1", "h2"]), st.sampled_from(["ann", "bob", "d1"])),
    st.builds(
        lambda scope, hotel, name: integrator(*scope, hotel=hotel, name=name),
        st.sets(st.sampled_from(SCOPES)), st.sampled_from(["h1", "h2"]), st.sampled_from(["opera", "fidelio", "ann"]),
    ),
    st.sampled_from([SERVICE, ENROL, person(Role.ADMIN, hotel=None)]),
)  # fmt: skip


@st.composite
def filters(draw: st.DrawFn) -> str:
    """A topic of the world with some levels turned into wildcards or other words: close to the edge, where bugs are."""
    levels = draw(st.sampled_from(UNIVERSE)).split("/")
    words = st.sampled_from(["+", "+", "#", "", "h1", "h2", "devices", "$SYS", *NAMES])
    levels = [draw(words) if draw(st.integers(0, 3)) == 0 else level for level in levels]
    if "#" in levels:
        levels = levels[: levels.index("#") + 1]
    elif draw(st.booleans()):
        levels.append("#")
    return "/".join(levels)


@settings(max_examples=400)
@given(claims=identities, topic_filter=filters())
def test_a_granted_filter_matches_nothing_that_may_not_be_read(claims: Claims, topic_filter: str) -> None:
    if may_subscribe(claims, topic_filter) is not None:
        return
    for topic in UNIVERSE:
        if not matches(topic_filter, topic):
            continue
        assert may_subscribe(claims, topic) is None, topic
        parsed = parse(topic)
        assert parsed is not None
        if claims.type is not TokenType.SERVICE:
            assert parsed.hotel_id in (None, claims.hotel_id)


@given(claims=identities, topic=st.sampled_from(UNIVERSE))
def test_nobody_but_a_service_publishes_outside_the_own_hotel(claims: Claims, topic: str) -> None:
    if may_publish(claims, topic) is None and claims.type is not TokenType.SERVICE:
        parsed = parse(topic)
        assert parsed is not None
        assert parsed.hotel_id == claims.hotel_id


@given(claims=identities, text=st.text())
def test_no_text_is_granted_by_accident(claims: Claims, text: str) -> None:
    assert may_publish(claims, text) is not None
    assert may_subscribe(claims, text) is not None
    assert may_connect(claims, client_id=text, username=text) is not None
