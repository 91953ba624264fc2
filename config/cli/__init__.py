"""The command line. A module per noun; this one turns whatever ends a command into one line and an exit code.

Codes: 0 done, 1 refused, 2 wrong usage, 78 a setting that cannot be right (EX_CONFIG), 130 interrupted. Everything
heavy is imported inside the command that needs it: asking for a token should not load a web framework.
"""

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Annotated

import typer

from config.cli import (
    access,
    access_point,
    agent,
    alert,
    api,
    audit,
    backup,
    bridge,
    broker,
    calibrate,
    command,
    copy,
    device,
    doctor,
    enrol,
    hotel,
    import_,
    incident,
    integrator,
    keys,
    legacy,
    maintenance,
    messages,
    migrate,
    policy,
    prune,
    quarantine,
    replay,
    room,
    round_,
    simulate,
    token,
    up,
    user,
    why,
    worker,
)
from config.cli.words import in_plain_words
from config.errors import StartRefused

app = typer.Typer(
    name="innwatch",
    help="Watches the tablets in hotel rooms, and says why it believes what it says.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up")(up.up)
app.command("broker")(broker.broker)
app.command("bridge")(bridge.bridge)
app.command("api")(api.api)
app.command("worker")(worker.worker)
for noun in (
    hotel,
    room,
    device,
    policy,
    maintenance,
    access_point,
    enrol,
    alert,
    incident,
    command,
    user,
    integrator,
    token,
    keys,
    quarantine,
    legacy,
):
    app.add_typer(noun.app)
app.command("enrol")(enrol.enrol)
app.command("access")(access.access)
app.command("audit")(audit.audit)
app.command("migrate")(migrate.migrate)
app.command("doctor")(doctor.doctor)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("replay")(replay.replay)
app.command("why")(why.why)
app.command("round")(round_.round_)
app.command("prune")(prune.prune)
app.command("calibrate")(calibrate.calibrate)
app.command("messages")(messages.messages)
app.command("copy")(copy.copy)
app.command("import")(import_.import_)
app.command("simulate")(simulate.simulate)
app.command("agent")(agent.agent)


def _print_version(*, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"innwatch {version('innwatch')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Watches the tablets in hotel rooms, and says why it believes what it says."""


def main() -> None:
    """Run the command that the process was started with, and exit."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # what a terminal cannot show ends no command that has been done
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; the exit code."""
    try:
        code = app(args=list(arguments), prog_name="innwatch", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as refusal:
        return _refuse_usage(refusal)
    except StartRefused as refusal:
        return _refuse(str(refusal), code=refusal.exit_code)
    except PermissionError as refusal:
        return _refuse(f"{refusal.filename}: {refusal.strerror}; use the account that Innwatch runs under", code=1)
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        # Whoever read our output has enough (`| head`). What is left in the buffer must go somewhere at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code if isinstance(code, int) else 0


def _refuse_usage(refusal: typer.TyperException) -> int:
    """One line instead of a frame. A noun without a verb has been answered with its help already."""
    if isinstance(refusal, typer.BadParameter) and refusal.__cause__ is not None:
        refusal.message = in_plain_words(refusal.__cause__) or refusal.message
    text = refusal.format_message()
    if not text.strip():
        return refusal.exit_code
    context = getattr(refusal, "ctx", None)
    return _refuse(
        f"{text.rstrip('.')} (see `{context.command_path} --help`)" if context is not None else text,
        code=refusal.exit_code,
    )


def _refuse(text: str, *, code: int) -> int:
    print(f"innwatch: {' '.join(text.split())}", file=sys.stderr)
    return code
