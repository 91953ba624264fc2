"""What goes wrong with one connection ends that connection, and no other hears of it."""

import pytest

from broker.delivery import Delivery
from broker.message import Message
from broker.retained import Retained
from broker.router import Router
from tests.broker.house import House

mqtt = pytest.mark.mqtt

BEAT = "hotels/h1/devices/d1/heartbeat"


class Failing:
    """An intake that fails for one device."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._offer = house.bridge.offer

    def __call__(self, delivery: Delivery) -> bool:
        if delivery.topic.subject == "d1":
            raise MemoryError
        return self._offer(delivery)


@pytest.mark.parametrize("known", [False, True])
@mqtt("4.8.0-2")
async def test_a_failure_while_a_packet_is_handled_ends_its_connection_alone(house: House, known: bool) -> None:
    other = await house.connect(house.device("d2"))
    tablet = await house.connect(house.device("d1"))
    if known:  # Where it goes was found out before.
        await tablet.publish(BEAT, b"fine", packet_id=4)
        await tablet.expect_puback(4)
    house.bridge.offer = Failing(house)  # type: ignore[method-assign]
    await tablet.publish(BEAT, b"x", packet_id=5)
    await tablet.expect_end()
    await other.publish("hotels/h1/devices/d2/heartbeat", b"fine", packet_id=6)
    await other.expect_puback(6)
    await house.assert_alive()


# Nobody may subscribe to a filter that begins with a wildcard, so what it would match is seen inside only.
HIDDEN = ["#", "+", "+/#", "+/x", "+/+", "+/x/#"]


@pytest.mark.parametrize("name", ["$SYS", "$SYS/x", "$x/x", "$"])
@mqtt("4.7.2-1")
def test_no_wildcard_at_the_front_matches_a_name_with_a_dollar(name: str) -> None:
    router, retained = Router[str](), Retained(messages=10, size=1000)
    for topic_filter in HIDDEN:
        router.add(topic_filter, "listener", 1)
    retained.put(Message(name, b"x", 1))
    assert router.match(name) == {}
    assert [one for topic_filter in HIDDEN for one in retained.walk(topic_filter) if one is not None] == []
    front = name.partition("/")[0]
    router.add(f"{front}/#", "listener", 1)
    assert router.match(name) == {"listener": 1}
    assert [one.topic for one in retained.walk(f"{front}/#") if one is not None] == [name]
    router.add("plain/$SYS", "listener", 0)
    assert router.match("plain/$SYS") == {"listener": 1}
