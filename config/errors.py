"""What stops a command before it has begun: one line for the person, one exit code for the program."""


class StartRefused(Exception):
    """Innwatch cannot start as asked. The text is one line: what is wrong, and what would be right."""

    exit_code = 1


class BadSetting(StartRefused):
    """A setting is malformed, weak or contradictory (exit code 78, EX_CONFIG of sysexits.h)."""

    exit_code = 78
