"""Subscriptions and retained messages against the plain reading of the standard."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from broker import router as router_module
from broker.message import Message
from broker.retained import Retained, RetainedFull
from broker.router import Router
from broker.topics import matches

LEVELS = ["a", "b", "", "$SYS"]
topics = st.lists(st.sampled_from(LEVELS), min_size=1, max_size=4).map("/".join).filter(lambda topic: topic != "")
filters = st.builds(
    lambda levels, tail: "/".join([*levels, *tail]),
    st.lists(st.sampled_from([*LEVELS, "+"]), min_size=1, max_size=3),
    st.sampled_from([[], ["#"]]),
).filter(lambda text: text != "") | st.just("#")
subscribers = st.sampled_from(["ann", "bob", "cyd"])


class Subscriptions(RuleBasedStateMachine):
    """The tree beside a list that is searched one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.router: Router[str] = Router()
        self.plain: dict[tuple[str, str], int] = {}

    @rule(topic_filter=filters, who=subscribers, qos=st.integers(0, 1))
    def subscribe(self, topic_filter: str, who: str, qos: int) -> None:
        self.router.add(topic_filter, who, qos)
        self.plain[topic_filter, who] = qos

    @rule(topic_filter=filters, who=subscribers)
    def unsubscribe(self, topic_filter: str, who: str) -> None:
        self.router.remove(topic_filter, who)
        self.plain.pop((topic_filter, who), None)

    @rule(data=st.data())
    def end_one(self, data: st.DataObject) -> None:
        if self.plain:
            topic_filter, who = data.draw(st.sampled_from(sorted(self.plain)))
            self.unsubscribe(topic_filter, who)

    @rule(topic=topics)
    def match(self, topic: str) -> None:
        expected: dict[str, int] = {}
        for (topic_filter, who), qos in self.plain.items():
            if matches(topic_filter, topic):
                expected[who] = max(qos, expected.get(who, 0))
        assert dict(self.router.match(topic)) == expected

    @invariant()
    def nothing_is_left_when_all_have_gone(self) -> None:
        if not self.plain:
            assert not self.router._exact
            assert not self.router._root.children


TestSubscriptions = Subscriptions.TestCase
TestSubscriptions.settings = settings(max_examples=100, stateful_step_count=30)


def test_new_subscribers_of_a_known_filter_are_found_at_once() -> None:
    router: Router[str] = Router()
    router.add("a/+", "ann", 1)
    assert router.match("a/b") == {"ann": 1}
    router.add("a/+", "bob", 0)
    assert router.match("a/b") == {"ann": 1, "bob": 0}
    router.remove("a/+", "ann")
    assert router.match("a/b") == {"bob": 0}


def test_the_memory_of_matches_is_bounded() -> None:
    router: Router[str] = Router()
    router.add("a/#", "ann", 1)
    for number in range(router_module.REMEMBERED + 10):
        assert router.match(f"a/{number}") == {"ann": 1}
    assert len(router._remembered) <= router_module.REMEMBERED


def kept(*contents: tuple[str, bytes]) -> Retained:
    retained = Retained(messages=2, size=100)
    for topic, payload in contents:
        retained.put(Message(topic, payload, 1))
    return retained


@given(contents=st.lists(st.tuples(topics, st.sampled_from([b"", b"x", b"yy"]))), topic_filter=filters)
@pytest.mark.mqtt("3.3.1-6", "4.7.2-1")
def test_a_filter_finds_what_is_retained(contents: list[tuple[str, bytes]], topic_filter: str) -> None:
    retained = kept(*contents)
    plain = {topic: payload for topic, payload in dict(contents).items() if payload}
    found = {message.topic: message.payload for message in retained.walk(topic_filter) if message is not None}
    assert found == {topic: payload for topic, payload in plain.items() if matches(topic_filter, topic)}
    assert retained.messages == len(plain) == len(list(retained))
    assert retained.bytes == sum(len(topic) + len(payload) for topic, payload in plain.items())


@given(contents=st.lists(st.tuples(topics, st.sampled_from([b"", b"x"]))))
def test_what_is_removed_leaves_nothing_behind(contents: list[tuple[str, bytes]]) -> None:
    retained = kept(*contents)
    for topic, _ in contents:
        retained.put(Message(topic, b"", 1))
    assert (retained.messages, retained.bytes, retained._root.children) == (0, 0, {})


def test_an_owner_may_keep_only_so_many() -> None:
    retained = kept()
    for topic in ("a", "b", "a"):
        retained.put(Message(topic, b"x", 1), owner="opera")
    with pytest.raises(RetainedFull):
        retained.put(Message("c", b"x", 1), owner="opera")
    retained.put(Message("c", b"x", 1), owner="fidelio")
    retained.put(Message("a", b"", 1), owner="opera")
    retained.put(Message("d", b"x", 1), owner="opera")
    assert {message.topic for message in retained} == {"b", "c", "d"}


def test_an_owner_may_keep_only_so_much() -> None:
    retained = kept()
    retained.put(Message("a", b"x" * 98, 1), owner="opera")
    with pytest.raises(RetainedFull):
        retained.put(Message("b", b"x", 1), owner="opera")
    retained.put(Message("a", b"x", 1), owner="opera")
    retained.put(Message("b", b"x", 1), owner="opera")
    message = retained.get("a")
    assert message is not None
    assert message.payload == b"x"


def test_what_belongs_to_nobody_is_not_bounded() -> None:
    assert kept(*[(f"t{number}", b"x" * 50) for number in range(50)]).messages == 50
