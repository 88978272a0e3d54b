"""Formats of the log lines, without the values that an exception or a path may contain."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator, MutableMapping
from types import TracebackType
from typing import Any

import structlog
from django.db import Error

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
Event = MutableMapping[str, Any]


class PlainFormatter(logging.Formatter):
    """One line of text; the message of a database error, which quotes columns of its row, is left out."""

    def formatException(self, ei: ExcInfo) -> str:
        """Return the traceback."""
        if ei[1] is None or not any(isinstance(error, Error) for error in _chain(ei[1])):
            return super().formatException(ei)
        return "\n".join(exception_lines(ei[1]))


def json_formatter() -> logging.Formatter:
    """Return the formatter of LOG_FORMAT=json: one JSON object a line."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_record_fields,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _render_exception,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
    )


class RouteOfRequest(logging.Filter):
    """Replace the path in the lines of Django by the view's name: a mistyped path may contain anything."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True: every record is logged."""
        request = getattr(record, "request", None)
        if request is not None and isinstance(record.args, tuple):
            match = getattr(request, "resolver_match", None)
            route = match.view_name if match else "a path without a view"
            record.args = tuple(route if value == request.path else value for value in record.args)
        return True


def exception_lines(error: BaseException) -> Iterator[str]:
    """Yield the type and the frames of an exception and of its causes, without their messages."""
    for each in _chain(error):
        yield f"{type(each).__module__}.{type(each).__qualname__}"
        for frame in traceback.extract_tb(each.__traceback__):
            yield f"  {frame.filename}:{frame.lineno} {frame.name}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _add_record_fields(logger: Any, method: str, event: Event) -> Event:
    record: logging.LogRecord = event["_record"]
    event["process"], event["request_id"] = record.process, getattr(record, "request_id", "-")
    return event


def _render_exception(logger: Any, method: str, event: Event) -> Event:
    exc_info = event.pop("exc_info", None)
    if exc_info and exc_info[1] is not None:
        event["exception"] = list(exception_lines(exc_info[1]))
    return event
