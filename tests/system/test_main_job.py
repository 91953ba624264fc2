"""The main job, end to end: a tablet walks out of its room and somebody knows, by every way there is."""

import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.support import eventually_sync, requires
from tests.support.waiting import SOON
from tests.system.conftest import Install
from tests.system.installation import (
    PASSWORD,
    Installation,
    Person,
    Shape,
    StoppedClock,
    bssid_of,
    every_shape,
    heartbeat,
    tablets_clock,
)
from tests.system.listeners import event_stream, subscriber
from tests.system.receivers import mailbox, webhook

FOREIGN = "de:ad:be:ef:00:01"
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = pytest.mark.server


def publish(installation: Installation, token: str, payload: str, *, seen_by: Person) -> None:
    """One heartbeat of tab-101 by mosquitto_pub, QoS 1: returns when the console knows of it."""
    subprocess.run(
        [
            requires("mosquitto_pub"),
            "-h",
            "127.0.0.1",
            "-p",
            str(installation.mqtt_port),
            "-q",
            "1",
            "-i",
            "grand/tab-101",
            "-u",
            "grand/tab-101",
            "-P",
            token,
            "-t",
            "hotels/grand/devices/tab-101/heartbeat",
            "-m",
            payload,
        ],
        check=True,
        timeout=30,
    )
    eventually_sync(lambda: seen_by.has_heard("tab-101", at=tablets_clock.now()))


@every_shape
def test_a_tablet_walks_out_of_its_room_and_somebody_knows(install: Install, clock: StoppedClock, shape: Shape) -> None:
    chromium = requires("chromium")
    with mailbox() as mail, webhook() as slack:
        env = {
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(mail.port),
            "SMTP_FROM": "innwatch@hotel.example",
        }
        innwatch = install(shape, env=env | clock.env)
        innwatch.start("--for-tests")
        innwatch.furnish(channels=("--email", "night@hotel.example", "--slack-webhook", slack.url))
        sam = innwatch.person("sam")
        tablet, console = innwatch.token("device", "grand", "tab-101"), innwatch.token("user", "grand", "sam")

        filters = ("hotels/grand/alerts/+", "hotels/grand/devices/+/status", "hotels/grand/monitor")
        with (
            subscriber(innwatch.mqtt_port, *filters, client_id="grand/user/sam/tcp", token=console) as by_tcp,
            subscriber(
                innwatch.ws_port, *filters, client_id="grand/user/sam/ws", token=console, websocket=True
            ) as by_websocket,
            event_stream(innwatch.url, sam.token) as by_stream,
        ):
            publish(innwatch, tablet, heartbeat(bssid=bssid_of(101)), seen_by=sam)
            for seconds in (5, 10, 15, 20):
                clock.pass_to(seconds)
                publish(innwatch, tablet, heartbeat(bssid=FOREIGN), seen_by=sam)

            (alert,) = eventually_sync(sam.open_alerts)
            assert (alert["deviceId"], alert["rule"], alert["severity"]) == (
                "tab-101",
                "breach.access-point",
                "critical",
            )
            assert alert["why"][0]["because"] == "foreign"
            topic = f"alerts/{alert['id']}"
            eventually_sync(lambda: by_tcp.of(topic) and by_websocket.of(topic))
            eventually_sync(lambda: by_stream.of("alert.opened"))
            eventually_sync(lambda: mail.mails and slack.posts)
            assert "101" in mail.subjects()[0]

            acknowledge_in_the_browser(innwatch, chromium)

            eventually_sync(lambda: by_tcp.of(topic)[-1].get("acknowledged"))
            eventually_sync(lambda: by_websocket.of(topic)[-1].get("acknowledged"))
            acknowledged = eventually_sync(lambda: by_stream.of("alert.acknowledged"))
            assert acknowledged[0]["data"]["acknowledged"]["by"] == "sam"
            second = sam.post(f"/api/alerts/{alert['id']}/acknowledge", {"note": "me too"})
            assert (second.status_code, second.json()["by"]) == (409, "sam")

            for seconds in (25, 30, 35, 40):
                clock.pass_to(seconds)
                publish(innwatch, tablet, heartbeat(bssid=bssid_of(101)), seen_by=sam)
            eventually_sync(lambda: sam.open_alerts() == [])
            eventually_sync(lambda: by_tcp.of(topic)[-1] is None)
            eventually_sync(lambda: len(mail.mails) == 2 and len(slack.posts) == 2)

            def all_were_told() -> bool:
                """A moment after they were: the worker writes it down when the receiver has answered."""
                told = [(row["kind"], row["channel"], row["state"]) for row in sam.all("/api/notifications")]
                assert sorted(told) == [
                    ("opened", "email", "delivered"),
                    ("opened", "slack", "delivered"),
                    ("recovered", "email", "delivered"),
                    ("recovered", "slack", "delivered"),
                ]
                return True

            eventually_sync(all_were_told)


def acknowledge_in_the_browser(innwatch: Installation, chromium: Path) -> None:
    """Log in to the console as sam, see the alert, acknowledge it with a note, and see that it took."""
    expect.set_options(timeout=1000 * SOON)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        page = browser.new_page()
        page.goto(innwatch.url)
        page.get_by_label("Username").fill("sam")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        row = page.get_by_role("listitem").filter(has_text="tab-101").first
        expect(row).to_be_visible()
        row.click()
        page.get_by_label("Note").fill("guest is moving rooms")
        page.get_by_role("button", name="Acknowledge").click()
        expect(page.get_by_text("sam").first).to_be_visible()
        browser.close()
