"""What config may decide about the worker."""

from datetime import timedelta

from msgspec import Struct

from worker.retries import Retries


class WorkerSettings(Struct, frozen=True, kw_only=True):
    """`console_url` is where the console stands, for links in notices; None: no links.

    `name` is its own among all that live: what an earlier worker of that name left claimed, this one takes back when
    it starts. None: it takes nothing back.

    `lease` must be longer than `attempt_timeout`, which bounds one whole attempt. A look at the outbox asks for
    `look_limit` notifications, at every ring of the doorbell and every `look_every`. One that is still due after
    `patience`, with a thread idle, must have been lost by the queue and is put there again.
    """

    name: str | None = None
    console_url: str | None = None
    threads: int = 8
    lease: timedelta = timedelta(minutes=2)
    attempt_timeout: timedelta = timedelta(seconds=30)
    retries: Retries = Retries()
    look_every: timedelta = timedelta(seconds=1)
    look_limit: int = 100
    patience: timedelta = timedelta(seconds=5)
