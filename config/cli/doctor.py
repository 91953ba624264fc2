"""`innwatch doctor`: what is wrong with this installation, and what to do about it."""

import asyncio
import os
from typing import TYPE_CHECKING

import typer
from msgspec import Struct

from config.cli.installation import settings_of
from config.cli.options import AsJson, Data
from config.cli.printing import print_json, print_table
from config.errors import BadSetting

if TYPE_CHECKING:
    from config.doctor.findings import Finding


class _Printed(Struct):
    about: str
    grade: str
    says: str
    remedy: str | None


def doctor(data: Data = None, as_json: AsJson = False) -> None:
    """Look at settings, machine, database, Redis, broker, mail server and processes; change nothing.

    Exit code: 0 all is well, 1 something should be looked at, 2 something is wrong.
    """
    from config.doctor.findings import worst

    found = _examine(data)
    printed = [_Printed(each.about, each.grade.name.lower(), each.says, each.remedy) for each in found]
    if as_json:
        print_json({"worst": worst(found).name.lower(), "findings": printed})
    else:
        print_table(("", "ABOUT", "FOUND", "WHAT TO DO"), [(p.grade, p.about, p.says, p.remedy or "") for p in printed])
    raise typer.Exit(int(worst(found)))


def _examine(data: Data) -> "list[Finding]":
    from config.clock import Clock
    from config.doctor.examine import examine
    from config.doctor.findings import wrong

    try:
        settings = settings_of(data=data)
    except BadSetting as error:
        return [wrong("settings", str(error), "correct the variable; docs/configuration.md has all of them")]
    environment = dict(os.environ)  # noqa: TID251, the command line is where the environment comes in
    return asyncio.run(examine(settings, environment, clock=Clock(settings.clock_file).now))
