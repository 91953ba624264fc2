"""Slack's incoming webhook, played by a web server on the loopback interface."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rules.alerts import Because, Reason
from store.records import NoticeKind, SlackChannel
from tests.support import free_port
from tests.worker.support import START, Answer, Clock, WebServer, a_claim, an_alert
from worker.channels import DeliveryFailed
from worker.slack import SlackSender, escape, retry_after
from worker.wording import Notice, word


def a_notice(*, room: str = "204", cause: str | None = None) -> Notice:
    alert = an_alert(room=room, why=[Reason(Because.REPORTED, cause=cause)])
    return word(alert, NoticeKind.OPENED, hotel="Grand Hôtel", zone=UTC, now=START, console_url="https://w.test")


def sender(*, timeout: timedelta = timedelta(seconds=5)) -> SlackSender:
    return SlackSender(clock=Clock(), timeout=timeout)


async def failure(channel: SlackChannel, *, through: SlackSender | None = None) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        await (through or sender()).deliver(a_notice(), a_claim(channel))
    return caught.value


async def test_a_notice_is_posted_to_the_webhook(web: WebServer) -> None:
    notice = a_notice()

    await sender().deliver(notice, a_claim(web.webhook))

    (request,) = web.requests
    post = json.loads(request.body)
    assert request.path == "/services/T0SECRET1/B0SECRET2/x0veryS3cret"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-innwatch-notification"] == "01JD8Z-7"
    assert post["text"] == notice.subject
    assert post["blocks"][0] == {"type": "header", "text": {"type": "plain_text", "text": notice.headline}}
    assert (
        "<https://w.test/#alerts/01JD8Z0000000000000000ABCD|Open it in Innwatch>" in post["blocks"][1]["text"]["text"]
    )


async def test_nobody_can_name_a_room_so_that_everybody_is_paged(web: WebServer) -> None:
    await sender().deliver(a_notice(room="<!channel> & co", cause="<!here>"), a_claim(web.webhook))

    post = json.loads(web.requests[0].body)
    for text in (post["text"], post["blocks"][1]["text"]["text"]):
        assert "<!" not in text
        assert "&lt;!channel&gt; &amp; co" in text


async def test_no_text_grows_beyond_what_slack_takes(web: WebServer) -> None:
    why = [Reason(Because.REPORTED, cause="&" * 500)] * 20
    notice = word(an_alert(room="&" * 500, why=why), NoticeKind.OPENED, hotel="&" * 500, zone=UTC, now=START)

    await sender().deliver(notice, a_claim(web.webhook))

    header, section = json.loads(web.requests[0].body)["blocks"]
    assert len(header["text"]["text"]) <= 150
    assert len(section["text"]["text"]) <= 3000
    assert section["text"]["text"].rpartition("\n")[2].startswith("• the tablet said so itself")
    assert "&" not in section["text"]["text"].replace("&amp;", "")


@pytest.mark.parametrize("status", [400, 403, 404, 410, 302])
async def test_an_answer_that_will_not_change_fails_for_good(web: WebServer, status: int) -> None:
    web.answer = lambda _: Answer(status=status, body="no_service")

    failed = await failure(web.webhook)

    assert (failed.permanent, failed.detail) == (True, f"Slack answered {status}: no_service")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
async def test_an_answer_about_this_moment_fails_for_now(web: WebServer, status: int) -> None:
    web.answer = lambda _: Answer(status=status)

    assert not (await failure(web.webhook)).permanent


async def test_what_slack_asks_us_to_wait_is_passed_on(web: WebServer) -> None:
    web.answer = lambda _: Answer(status=429, headers={"Retry-After": "30"})

    assert (await failure(web.webhook)).retry_after == timedelta(seconds=30)


async def test_an_answer_that_never_comes_fails_for_now(web: WebServer) -> None:
    web.answer = lambda _: None

    failed = await failure(web.webhook, through=sender(timeout=timedelta(milliseconds=50)))

    assert (failed.permanent, failed.detail) == (False, "Slack did not answer in time")


async def test_a_server_that_is_down_fails_for_now() -> None:
    failed = await failure(SlackChannel(webhook_url=f"http://127.0.0.1:{free_port()}/secret-path"))

    assert (failed.permanent, failed.detail) == (False, "cannot reach Slack (ConnectError)")


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://h/secret", "http://", "http://[::1/secret"])
async def test_an_address_that_is_none_fails_for_good_and_is_not_told(url: str) -> None:
    failed = await failure(SlackChannel(webhook_url=url))

    assert (failed.permanent, failed.detail) == (True, "the webhook's address is not a web address")


async def test_a_server_that_quotes_the_address_does_not_make_us_store_it(web: WebServer) -> None:
    web.answer = lambda request: Answer(status=404, body=f"no {request.path}, no x0veryS3cret\nat all \x1b[1m")

    assert (await failure(web.webhook)).detail == "Slack answered 404: no ***, no *** at all [1m"


async def test_an_endless_answer_is_not_read_to_its_end(web: WebServer) -> None:
    web.answer = lambda _: Answer(status=500, body="x" * 1_000_000)

    assert len((await failure(web.webhook)).detail) < 400


@pytest.fixture
def every_log_line(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


async def test_the_address_stands_in_no_log_line_of_any_library(
    web: WebServer, every_log_line: pytest.LogCaptureFixture
) -> None:
    await sender().deliver(a_notice(), a_claim(web.webhook))
    web.answer = lambda _: Answer(status=500)
    await failure(web.webhook)

    assert "x0veryS3cret" not in every_log_line.text


def test_slacks_three_characters_are_escaped() -> None:
    assert escape("<a&b>") == "&lt;a&amp;b&gt;"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("30", timedelta(seconds=30)),
        ("Sun, 22 Nov 2026 02:13:05 GMT", timedelta(minutes=1)),
        ("Sun, 22 Nov 2026 02:00:00 GMT", None),
        ("soon", None),
        ("-5", None),
        ("²", None),
        ("9" * 400, timedelta(days=7)),
        ("9" * 5000, timedelta(days=7)),
        ("0" * 5000 + "30", timedelta(seconds=30)),
        ("0", timedelta()),
        ("Fri, 31 Dec 9999 23:59:59 GMT", timedelta(days=7)),
        ("Mon, 01 Jan 2026 00:00:00 +999999999999999", None),
        ("Mon, 01 Jan 0001 00:00:00 +2359", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_nothing(header: str | None, expected: timedelta | None) -> None:
    assert retry_after(header, now=START) == expected


DATES = st.tuples(
    st.sampled_from(["Mon, ", "", ","]),
    st.from_regex(r"-?[0-9]{0,12}", fullmatch=True),
    st.sampled_from([" Jan ", " Foo ", "-Jan-", " "]),
    st.from_regex(r"-?[0-9]{0,12} [0-9:.]{0,12}", fullmatch=True),
    st.from_regex(r" ?[+-]?[0-9]{0,20}", fullmatch=True),
).map("".join)


@given(header=st.one_of(st.text(), st.text(alphabet="0123456789 :+-,.GMTJan"), DATES))
@example("")
def test_no_retry_after_whatever_raises_or_waits_for_more_than_a_week(header: str) -> None:
    wait = retry_after(header, now=START)

    assert wait is None or timedelta() <= wait <= timedelta(days=7)
