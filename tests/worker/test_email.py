"""E-mail through a real mail server on the loopback interface."""

import ssl
from datetime import UTC, timedelta

import pytest
from msgspec.structs import replace

from store.records import Claimed, EmailChannel, NoticeKind
from tests.support import free_port
from tests.worker.support import EMAIL, START, Clock, MailServer, a_claim, an_alert
from worker.channels import DeliveryFailed
from worker.email import EmailSender
from worker.smtp import Smtp, SmtpSecurity
from worker.wording import Notice, word

PASSWORD = "tr0ub4dor-and-3"


def settings(port: int, **more: object) -> Smtp:
    smtp = Smtp(
        host="127.0.0.1",
        port=port,
        sender="innwatch@hotel.test",
        security=SmtpSecurity.NONE,
        timeout=timedelta(seconds=1),
    )
    return replace(smtp, **more)


def sender(port: int, *, tls: ssl.SSLContext | None = None, **more: object) -> EmailSender:
    return EmailSender(settings(port, **more), clock=Clock(), tls_context=tls)


def a_notice(*, room: str = "204") -> Notice:
    return word(
        an_alert(room=room), NoticeKind.OPENED, hotel="Grand Hôtel", zone=UTC, now=START, console_url="https://w.test/"
    )


def to(*recipients: str) -> Claimed:
    return a_claim(EmailChannel(recipients=recipients))


async def failure(sender: EmailSender, claimed: Claimed) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        await sender.deliver(a_notice(), claimed)
    return caught.value


async def test_a_mail_reaches_every_recipient_of_the_channel(mail: MailServer) -> None:
    await sender(mail.port).deliver(a_notice(), a_claim(EMAIL))

    assert [envelope.rcpt_tos for envelope in mail.envelopes] == [["security@hotel.test", "duty@hotel.test"]]


async def test_a_mail_says_it_in_its_subject_in_text_and_in_html(mail: MailServer) -> None:
    notice = a_notice()

    await sender(mail.port).deliver(notice, a_claim(EMAIL))

    (sent,) = mail.mails
    text, rich = sent.get_body(("plain",)), sent.get_body(("html",))
    assert sent["Subject"] == notice.subject
    assert text is not None
    assert text.get_content().replace("\r\n", "\n") == notice.text
    assert rich is not None
    assert '<a href="https://w.test/#alerts/' in rich.get_content()


async def test_what_a_tablet_wrote_is_no_html(mail: MailServer) -> None:
    await sender(mail.port).deliver(a_notice(room="<b>204</b>"), a_claim(EMAIL))

    rich = mail.mails[0].get_body(("html",))
    assert rich is not None
    assert "&lt;b&gt;204" in rich.get_content()


async def test_each_attempt_carries_the_same_message_id(mail: MailServer) -> None:
    first = a_claim(EMAIL)
    second = replace(first, attempt=2)

    await sender(mail.port).deliver(a_notice(), first)
    await sender(mail.port).deliver(a_notice(), second)

    assert [sent["Message-ID"] for sent in mail.mails] == ["<01JD8Z-7@hotel.test>"] * 2


async def test_the_mails_about_one_alert_are_one_thread(mail: MailServer) -> None:
    await sender(mail.port).deliver(a_notice(), a_claim(EMAIL, number=7))
    await sender(mail.port).deliver(a_notice(), a_claim(EMAIL, number=8))

    assert mail.mails[0]["References"] == mail.mails[1]["References"]
    assert mail.mails[0]["Message-ID"] != mail.mails[1]["Message-ID"]


async def test_a_mail_is_dated_by_the_clock_it_is_given(mail: MailServer) -> None:
    await sender(mail.port).deliver(a_notice(), a_claim(EMAIL))

    assert mail.mails[0]["Date"].datetime == START


async def test_without_a_mail_server_a_notice_is_dead_and_says_why() -> None:
    failed = await failure(EmailSender(None, clock=Clock()), a_claim(EMAIL))

    assert (failed.permanent, failed.detail) == (True, "e-mail is not set up: SMTP_HOST is missing")


async def test_a_channel_without_recipients_fails_for_good(mail: MailServer) -> None:
    assert (await failure(sender(mail.port), to())).permanent


@pytest.mark.parametrize(("code", "permanent"), [(550, True), (450, False)])
async def test_a_refused_recipient_fails_for_good_or_for_now(mail: MailServer, code: int, permanent: bool) -> None:
    mail.refuse_recipient = {"gone@hotel.test": f"{code} no such luck"}

    failed = await failure(sender(mail.port), to("gone@hotel.test"))

    assert failed.permanent is permanent
    assert f"{code} no such luck" in failed.detail


@pytest.mark.parametrize(("code", "permanent"), [(553, True), (451, False)])
async def test_a_refused_sender_fails_for_good_or_for_now(mail: MailServer, code: int, permanent: bool) -> None:
    mail.refuse_sender = f"{code} not you"

    assert (await failure(sender(mail.port), a_claim(EMAIL))).permanent is permanent


@pytest.mark.parametrize(("code", "permanent"), [(554, True), (452, False)])
async def test_a_refused_mail_fails_for_good_or_for_now(mail: MailServer, code: int, permanent: bool) -> None:
    mail.refuse_mail = f"{code} not this"

    assert (await failure(sender(mail.port), a_claim(EMAIL))).permanent is permanent


async def test_one_unknown_recipient_does_not_keep_the_others_from_being_told(mail: MailServer) -> None:
    mail.refuse_recipient = {"gone@hotel.test": "550 unknown"}

    await sender(mail.port).deliver(a_notice(), to("gone@hotel.test", "duty@hotel.test"))

    assert mail.envelopes[0].rcpt_tos == ["duty@hotel.test"]


async def test_a_recipient_refused_for_now_is_tried_again_alone(mail: MailServer) -> None:
    mail.refuse_recipient = {"grey@hotel.test": "450 later"}
    through = sender(mail.port)
    claimed = to("grey@hotel.test", "duty@hotel.test")

    failed = await failure(through, claimed)
    mail.refuse_recipient = {}
    await through.deliver(a_notice(), claimed)

    assert not failed.permanent
    assert [envelope.rcpt_tos for envelope in mail.envelopes] == [["duty@hotel.test"], ["grey@hotel.test"]]


async def test_a_recipient_lost_for_good_after_others_were_told_is_no_failure(mail: MailServer) -> None:
    mail.refuse_recipient = {"grey@hotel.test": "450 later"}
    through = sender(mail.port)
    claimed = to("grey@hotel.test", "duty@hotel.test")
    await failure(through, claimed)

    mail.refuse_recipient = {"grey@hotel.test": "550 never"}
    await through.deliver(a_notice(), claimed)

    assert len(mail.mails) == 1


async def test_a_mail_server_that_is_down_fails_for_now() -> None:
    failed = await failure(sender(free_port()), a_claim(EMAIL))

    assert not failed.permanent
    assert failed.detail.startswith("cannot reach 127.0.0.1:")


async def test_a_mail_server_that_hangs_fails_for_now(mail: MailServer) -> None:
    mail.hangs = True

    failed = await failure(sender(mail.port, timeout=timedelta(milliseconds=50)), a_claim(EMAIL))

    assert (failed.permanent, failed.detail) == (False, f"127.0.0.1:{mail.port} did not answer in time")


async def test_a_password_opens_a_mail_server_that_asks_for_one() -> None:
    async with MailServer(password=PASSWORD).running() as mail:
        await sender(mail.port, username="innwatch", password=PASSWORD).deliver(a_notice(), a_claim(EMAIL))

        assert len(mail.mails) == 1


async def test_a_wrong_password_fails_for_good_and_is_not_told() -> None:
    async with MailServer(password="another").running() as mail:
        failed = await failure(sender(mail.port, username="innwatch", password=PASSWORD), a_claim(EMAIL))

    assert failed.permanent
    assert "refused the login: 535" in failed.detail
    assert PASSWORD not in failed.detail


async def test_a_server_that_quotes_the_password_does_not_make_us_store_it(mail: MailServer) -> None:
    mail.refuse_mail = f"554 what is {PASSWORD}"
    with_password = sender(mail.port, password=PASSWORD)

    assert (await failure(with_password, a_claim(EMAIL))).detail.endswith("554 what is ***")


async def test_starttls_is_used_where_it_is_asked_for(certificate: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    served, trusting = certificate
    async with MailServer(tls=served).running() as mail:
        secure = sender(mail.port, tls=trusting, security=SmtpSecurity.STARTTLS)
        await secure.deliver(a_notice(), a_claim(EMAIL))

        assert len(mail.mails) == 1


async def test_a_server_without_starttls_gets_nothing_where_it_is_asked_for(mail: MailServer) -> None:
    failed = await failure(sender(mail.port, security=SmtpSecurity.STARTTLS), a_claim(EMAIL))

    assert failed.permanent
    assert mail.mails == []


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(
    certificate: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    async with MailServer(tls=certificate[0]).running() as mail:
        failed = await failure(sender(mail.port, security=SmtpSecurity.STARTTLS), a_claim(EMAIL))

        assert mail.mails == []
    assert not failed.permanent


@pytest.mark.parametrize("recipient", ["a@b\r\nRCPT TO:<x@y>", "a@b>\nBcc: x@y", "ä@hotel.test\r\n.\r\n"])
async def test_an_address_that_would_break_a_line_fails_for_good(mail: MailServer, recipient: str) -> None:
    assert (await failure(sender(mail.port), to(recipient))).permanent
    assert mail.mails == []


@pytest.mark.parametrize("recipient", ["a@[", "'a@['", "ü@[", "(.|@):", "a@b, c@[", '"', "\ud800@hotel.test"])
async def test_an_address_that_no_mail_can_hold_fails_for_good(mail: MailServer, recipient: str) -> None:
    failed = await failure(sender(mail.port), to("duty@hotel.test", recipient))

    assert failed.permanent
    assert failed.detail.isprintable()
    assert mail.mails == []


@pytest.mark.parametrize("recipient", ["a@[", "ü@["])
async def test_a_mail_that_cannot_be_written_says_so(mail: MailServer, recipient: str) -> None:
    failed = await failure(sender(mail.port), to(recipient))

    assert failed.detail.startswith("cannot write the mail, is every address right? (")


def test_a_setting_shown_hides_its_password() -> None:
    assert PASSWORD not in repr(settings(25, password=PASSWORD))
