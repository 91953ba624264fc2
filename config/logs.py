"""Log lines: an event in fixed words, then its fields. Text for people, JSON for programs; no token, no payload, ever.

A line is said by the means of the standard library: `_log.warning("limit crossed", {"reason": reason, "times": 3})`.
One mapping for an argument is what logging keeps as `record.args`, and nothing in the words asks for it, so that the
fields stay fields. A field that is None is left out. The same thing has one name everywhere: `hotel`, `device`,
`message`, `alert`, `notification`, `request` are ids; `reason` is a fixed word, `error` what somebody else said.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

LOGGERS = ("broker", "device_bridge", "store", "worker", "api", "config")

_PLAIN = re.compile(r"[^\s\"'=\\]+").fullmatch


class _Numbered(logging.Formatter):
    """Of one of several processes, whose lines stand among each other's."""

    def __init__(self, number: int | None) -> None:
        super().__init__()
        self._number = number


class _Text(_Numbered):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%d %H:%M:%S")
        who = record.name if self._number is None else f"{record.name} {self._number}"
        line = f"{at} {record.levelname.lower():7} {who}: {as_text(record)}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _Json(_Numbered):
    def format(self, record: logging.LogRecord) -> str:
        event, fields = said(record)
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": event,
            **fields,
        }
        if self._number is not None:
            line["process"] = self._number
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=_plain)


def said(record: logging.LogRecord) -> tuple[str, dict[str, object]]:
    """The event and its fields; a library's line is all event."""
    if not isinstance(record.args, Mapping):
        return record.getMessage(), {}
    return str(record.msg), {name: value for name, value in record.args.items() if value is not None}


def as_text(record: logging.LogRecord) -> str:
    """One line, `event: name=value name="a value with blanks"`, whatever a peer put into a value."""
    event, fields = said(record)
    return f"{event}: {' '.join(f'{name}={_shown(value)}' for name, value in fields.items())}" if fields else event


def _shown(value: object) -> str:
    text = _plain(value)
    return text if _PLAIN(text) and text.isprintable() else json.dumps(text)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def set_up_logs(*, level: str, as_json: bool, number: int | None = None) -> None:
    """Everything to standard error, ours at `level`, the libraries' only when they have trouble.

    `number` stands in each line of a process that is one of several.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(as_json=as_json, number=number))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in LOGGERS:
        logging.getLogger(name).setLevel(level)


def formatter(*, as_json: bool, number: int | None = None) -> logging.Formatter:
    return _Json(number) if as_json else _Text(number)
