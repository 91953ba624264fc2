"""What the bench lives through before a real bridge comes out the same when it is judged again."""

from pathlib import Path

from bench.experiments.replay import check_told, replayed
from bench.lived import HOTEL, live, url_of
from store import LocalDoorbell, Store
from tests.support.told import lived


async def test_thousands_of_inputs_replayed_give_the_same_alerts_as_were_raised_live(tmp_path: Path) -> None:
    await live(tmp_path, tablets=40, steps=150, seed=7)
    store = await Store.open(url_of(tmp_path), doorbell=LocalDoorbell())
    try:
        again = await replayed(store)
        told = await lived(store, HOTEL)
    finally:
        await store.close()

    check_told(told, again.told)
    assert again.inputs > 5_000
    assert {one.family for one in told} >= {"breach", "silence", "battery"}
