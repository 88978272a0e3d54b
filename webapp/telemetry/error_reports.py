"""Optional error reports to a Sentry server: what failed and where, never with which data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

# Everything else of a report is dropped: request, user, breadcrumbs, local variables, messages, arguments.
KEPT: Final = ("event_id", "timestamp", "level", "platform", "logger", "release", "environment")
OUR_LOGGERS: Final = ("webapp.", "diagnostics.", "ml.")  # their messages are constants, apart from arguments
KEPT_OF_FRAME: Final = ("filename", "abs_path", "module", "function", "lineno", "in_app")


def start(dsn: str, *, release: str) -> None:
    """Send unexpected errors of this process to the server of a DSN; do nothing without one."""
    if not dsn:
        return
    import sentry_sdk  # its import costs every process a tenth of a second

    sentry_sdk.init(
        dsn=dsn,
        release=release,
        before_send=without_data,  # the defaults of the SDK leave out less
        before_breadcrumb=lambda crumb, hint: None,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        auto_session_tracking=False,
        send_client_reports=False,
        traces_sample_rate=None,
    )


def without_data(event: Event, hint: Hint) -> Event | None:
    """Return the kept parts of a report."""
    whole: dict[str, Any] = dict(event)
    kept: dict[str, Any] = {key: whole[key] for key in KEPT if key in whole}
    if str(whole.get("logger")).startswith(OUR_LOGGERS):  # the text without its arguments
        kept["logentry"] = {"message": whole.get("logentry", {}).get("message", "")}
    if whole.get("transaction_info", {}).get("source") != "url":  # a route or a task, not a path
        kept["transaction"] = whole.get("transaction", "")
    errors = whole.get("exception", {}).get("values", [])
    kept["exception"] = {"values": [_exception(error) for error in errors]}
    return kept  # type: ignore[return-value]


def _exception(error: dict[str, Any]) -> dict[str, Any]:
    frames = (error.get("stacktrace") or {}).get("frames", [])
    return {
        "type": error.get("type"),
        "module": error.get("module"),
        "stacktrace": {"frames": [_only(frame, KEPT_OF_FRAME) for frame in frames]},
    }


def _only(values: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: values[key] for key in keys if key in values}
