"""Logs: one JSON object per line on stderr (plain text on a terminal). Never contains secrets or local variables."""

import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import structlog

REPEAT_EVERY_S = 1.0
"""A repeated message is logged at most this often, with a count."""
KINDS_MAX = 256
"""Most kinds of messages that one throttle distinguishes."""
_TRACEBACK_CHARS_MAX = 8_000


def configure_logs(process: str, *, level: int = logging.INFO) -> None:
    """Set up logging for one process, including warnings and loggers of libraries; `process` names it in every line."""
    _configure(level)
    structlog.contextvars.bind_contextvars(process=process)
    logging.basicConfig(handlers=[_Bridge()], level=max(level, logging.WARNING), force=True)
    logging.captureWarnings(True)


def _configure(level: int) -> None:
    if sys.stderr.isatty():
        renderer: Any = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    else:
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _cut_traceback,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_StderrLogger,
        cache_logger_on_first_use=True,
    )


class _StderrLogger:
    """Writes lines to stderr. Never raises: a closed or full stderr must not fail a request."""

    def __init__(self, *_arguments: object) -> None:
        pass

    def msg(self, message: str) -> None:
        try:
            sys.stderr.write(f"{message}\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            return

    debug = info = warning = error = critical = exception = msg


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return a logger; `name` is the part of Clew in its lines."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(part=name)
    return bound


class Throttled:
    """A logger for repeated errors: one line per second and event, with the number of occurrences."""

    def __init__(
        self, log: structlog.typing.FilteringBoundLogger, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._log, self._monotonic_s = log, monotonic_s
        self._next_s: dict[str, float] = {}
        self._count: dict[str, int] = {}

    def info(self, event: str, **fields: object) -> None:
        """Log information, which does not repeat, without throttling."""
        self._log.info(event, **fields)

    def warning(self, event: str, **fields: object) -> None:
        if count := self._due(event, fields):
            self._log.warning(event, count=count, **fields)

    def error(self, event: str, **fields: object) -> None:
        if count := self._due(event, fields):
            self._log.error(event, count=count, **fields)

    def exception(self, event: str, **fields: object) -> None:
        """Log an error with the traceback of the current exception."""
        if count := self._due(event, fields):
            self._log.exception(event, count=count, **fields)

    def _due(self, event: str, fields: dict[str, object]) -> int:
        """Return the number of occurrences since the last line; 0 while throttled."""
        kind = f"{event} {fields.get('error', '')!s:.80}"
        if kind not in self._next_s and len(self._next_s) >= KINDS_MAX:
            kind = event
        count, now_s = self._count.get(kind, 0) + 1, self._monotonic_s()
        if now_s < self._next_s.get(kind, float("-inf")):
            self._count[kind] = count
            return 0
        self._count[kind], self._next_s[kind] = 0, now_s + REPEAT_EVERY_S
        return count


class _Bridge(logging.Handler):
    """Forwards records of libraries' loggers, repeated ones once a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said = Throttled(logger("library"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()[:2_000]
        except (TypeError, ValueError):
            message = str(record.msg)[:2_000]
        fields = {"name": record.name, "error": message.strip()}
        if record.exc_info and record.exc_info[0] is not None:
            fields["exc_info"] = record.exc_info  # type: ignore[assignment]
        say = self._said.error if record.levelno >= logging.ERROR else self._said.warning
        say("library", **fields)


def _cut_traceback(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    text = event.get("exception")
    if isinstance(text, str) and len(text) > _TRACEBACK_CHARS_MAX:
        event["exception"] = "… " + text[-_TRACEBACK_CHARS_MAX:]
    return event


_configure(logging.INFO)  # structlog's own default prints to stdout, with the values of local variables
