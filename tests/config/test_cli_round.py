"""`innwatch round`: who must be charged before tonight."""

from datetime import UTC, datetime

from rules.ids import DeviceId, HotelId
from rules.memory import Charge, DrainMemory
from rules.state import DeviceState
from store import Batch, Store
from tests.config.command_line import CommandLine


async def keep(store: Store) -> None:
    """A tablet that loses 50 percent an hour."""
    device = await store.find_device(HotelId("demo"), DeviceId("tab-1"))
    assert device is not None
    now = datetime.now(UTC)
    charge = Charge(now, 20.0)
    state = DeviceState(battery=20, drain=DrainMemory(recent=(charge,), origin=charge, rate=50.0))
    await store.apply(Batch(received_at=now, states={device.key: state}))


def test_the_round_is_shown_in_the_hotels_own_time(cli: CommandLine) -> None:
    cli("hotel", "add", "demo", "--timezone", "Europe/Vienna")
    cli("room", "add", "demo", "204", "--floor", "2")
    cli("device", "add", "demo", "tab-1", "--room", "204")
    assert "nobody to charge" in cli("round", "demo").out
    cli.with_store(keep)
    out = cli("round", "demo").out
    assert "21:00: 1 to charge" in out
    assert "tab-1" in out
    (stop,) = cli("round", "demo", "--json").json()["stops"]
    assert (stop["roomId"], stop["floor"], stop["rate"]) == ("204", "2", 50.0)
