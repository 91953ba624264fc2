"""The rules for a Mosquitto say what our own broker says, for everybody and every topic."""

import pytest

from broker.access import may_publish, may_subscribe
from broker.access_file import rules_of, rules_of_bridge
from broker.claims import Claims
from broker.topics import Kind, matches
from tests.broker.matrix import COLUMNS, subjects, topic_of

PEOPLE = {column: claims for column, claims in COLUMNS.items() if column != "service"}
TOPICS = [
    topic_of(kind, hotel=hotel, subject=subject)
    for kind in Kind
    for hotel in ("h1", "h2")
    for subject in subjects(kind)
]


def allows(rules: str, word: str, topic: str) -> bool:
    """Whether Mosquitto would: a rule of that word, or of both, matches."""
    lines = [line.split() for line in rules.splitlines() if line.startswith("topic ")]
    return any(may in {word, "readwrite"} and matches(topic_filter, topic) for _, may, topic_filter in lines)


@pytest.mark.parametrize("claims", PEOPLE.values(), ids=PEOPLE)
@pytest.mark.parametrize("topic", TOPICS)
def test_a_rule_allows_what_the_table_allows(claims: Claims, topic: str) -> None:
    rules = rules_of(claims)

    assert allows(rules, "write", topic) is (may_publish(claims, topic) is None)
    assert allows(rules, "read", topic) is (may_subscribe(claims, topic) is None)


def test_rules_begin_with_the_name_that_the_identity_logs_in_by() -> None:
    assert rules_of(COLUMNS["device"]).splitlines()[:2] == ["user h1/d1", "topic write hotels/h1/devices/d1/heartbeat"]


def test_the_bridge_reaches_everything_that_is_ours() -> None:
    rules = rules_of_bridge("bridge")

    assert all(allows(rules, word, topic) for word in ("read", "write") for topic in TOPICS)
    assert not allows(rules, "read", "$SYS/broker/version")
