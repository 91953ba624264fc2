"""`innwatch worker`: what tells people, in processes of its own."""

import sys
from typing import Annotated

import typer

from config.cli.installation import settings_of, warn_of_surprises
from config.cli.options import Data, ForTests, Host, WorkerHealthPort


def worker(
    *,
    processes: Annotated[int, typer.Option("--processes", help="How many processes.", min=1, max=64)] = 1,
    threads: Annotated[
        int, typer.Option("--threads", help="Notices that one process sends at the same time.", min=1, max=64)
    ] = 8,
    host: Host = None,
    health_port: WorkerHealthPort = None,
    data: Data = None,
    for_tests: ForTests = False,
    member: Annotated[str | None, typer.Option("--member", hidden=True)] = None,
) -> None:
    """Start the worker, any number of times; needs DATABASE_URL, REDIS_URL and SECRET_KEY."""
    settings = settings_of(data=data, host=host, worker_health_port=health_port)
    from config.worker_alone import run_member, run_worker, run_workers

    if member is not None:  # one of several, started and named by the one that was told to be several
        raise typer.Exit(run_member(settings, name=member, threads=threads, for_tests=for_tests))
    warn_of_surprises()
    if processes == 1:
        raise typer.Exit(run_worker(settings, threads=threads, for_tests=for_tests))
    command = [sys.executable, "-P", "-m", "config.cli", "worker", *(["--for-tests"] if for_tests else [])]
    command += ["--threads", str(threads), "--data", str(settings.data), "--member"]
    raise typer.Exit(run_workers(settings, command, processes=processes, threads=threads, for_tests=for_tests))
