"""Logs: one line an event, as key=value for people or JSON for machines. Life-cycle only, nothing a packet."""

import logging
import sys
from io import TextIOBase
from typing import TextIO, cast

import structlog


class Forgiving(TextIOBase):
    """A stream whose reader may go away: what cannot be written is lost and counted, and nobody's call ends for it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = 0
        """Writes that failed."""

    def write(self, text: str) -> int:
        """Write, or count."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # a broken pipe, a full disk; a closed file
            self.lost += 1
        return len(text)


def renderers(*, as_json: bool, has_colors: bool) -> tuple[structlog.types.Processor, ...]:
    """What makes a line of an event. A fault has its traceback, without its variables: they may hold somebody's password."""
    if as_json:
        return structlog.processors.format_exc_info, structlog.processors.JSONRenderer()
    return (structlog.dev.ConsoleRenderer(colors=has_colors, exception_formatter=structlog.dev.plain_traceback),)


def configure_logs(*, as_json: bool, level: str = "info") -> None:
    """Set up structlog for this process; the standard library's loggers end in the same place."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, *renderers(as_json=as_json, has_colors=sys.stderr.isatty())],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, Forgiving(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
