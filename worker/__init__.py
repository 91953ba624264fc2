"""Tells people what happened: takes notifications from the outbox and delivers them by e-mail and Slack."""

from worker.actors import embedded_queue
from worker.channels import DeliveryFailed, NotSetUp, Sender
from worker.email import EmailSender, SmtpSecurity, SmtpSettings
from worker.metrics import WorkerMetrics
from worker.outbox import Outbox
from worker.retries import Retries
from worker.settings import WorkerSettings
from worker.slack import SlackSender
from worker.worker import Worker

__all__ = [
    "DeliveryFailed",
    "EmailSender",
    "NotSetUp",
    "Outbox",
    "Retries",
    "Sender",
    "SlackSender",
    "SmtpSecurity",
    "SmtpSettings",
    "Worker",
    "WorkerMetrics",
    "WorkerSettings",
    "embedded_queue",
]
