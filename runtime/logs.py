"""Logs: one JSON object per line on stderr (plain text on a terminal). Secrets and local variables never get here."""

import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import structlog

REPEAT_EVERY_S = 1.0
"""Repeated trouble is logged at most this often, with a count."""
KINDS_MAX = 256
"""How many kinds of repeated trouble one throttle tells apart."""
_TRACEBACK_CHARS_MAX = 8_000


def configure_logs(process: str, *, level: int = logging.INFO) -> None:
    """Set up logging for one process; `process` names it in every line. Libraries' loggers and warnings included."""
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
    """A logger; `name` says which part speaks."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(part=name)
    return bound


class Throttled:
    """A logger for trouble that repeats: one line per second and event, with the count of what it stands for."""

    def __init__(
        self, log: structlog.typing.FilteringBoundLogger, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._log, self._monotonic_s = log, monotonic_s
        self._next_s: dict[str, float] = {}
        self._count: dict[str, int] = {}

    def info(self, event: str, **fields: object) -> None:
        """News, which does not repeat: always logged."""
        self._log.info(event, **fields)

    def warning(self, event: str, **fields: object) -> None:
        if count := self._due(event, fields):
            self._log.warning(event, count=count, **fields)

    def error(self, event: str, **fields: object) -> None:
        if count := self._due(event, fields):
            self._log.error(event, count=count, **fields)

    def exception(self, event: str, **fields: object) -> None:
        """An error with the traceback of the exception that is being handled."""
        if count := self._due(event, fields):
            self._log.exception(event, count=count, **fields)

    def _due(self, event: str, fields: dict[str, object]) -> int:
        """How many occurrences the line stands for; 0 when it is too early for one."""
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
    """Passes the records of libraries' loggers on, repeated ones once a second."""

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
