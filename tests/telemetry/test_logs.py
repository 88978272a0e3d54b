"""Log lines: one JSON object each, with the ids that lead to a case, and without values of a patient."""

from __future__ import annotations

import importlib
import io
import json
import logging
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client

from diagnostics.accounts.models import User
from diagnostics.cases.services import admission
from diagnostics.cases.tasks import classify
from tests.radiographs import radiograph_png
from webapp.celery import name_job_in_log_lines
from webapp.telemetry.logs import PlainFormatter, RouteOfRequest, json_formatter

CANARY = "CANARY-4711"


class Log:
    """What the root logger wrote."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def lines(self) -> list[dict[str, Any]]:
        """Parse every line as JSON."""
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def log(settings: Any) -> Iterator[Log]:
    """Return the JSON log of the test, with one line for each request."""
    settings.LOG_REQUESTS = True
    written = Log()
    handler = logging.StreamHandler(written.stream)
    handler.setFormatter(json_formatter())
    root = logging.getLogger()
    root.addHandler(handler)
    yield written
    root.removeHandler(handler)


def test_a_request_has_one_line_with_view_case_status_and_duration(
    client: Client, technician: User, now: datetime, log: Log
) -> None:
    case = opened_case(technician, now)
    client.force_login(technician)

    client.get(f"/cases/{case.pk}/?q={CANARY}")

    (line,) = [line for line in log.lines() if line["logger"] == "webapp.telemetry.requests"]
    assert line["message"] == "GET cases:case 200"
    assert (line["view"], line["url_pk"], line["status"]) == ("cases:case", str(case.pk), 200)
    assert line["milliseconds"] > 0
    assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None
    assert CANARY not in log.text


def test_lines_inside_a_request_name_its_view_and_the_next_request_does_not(
    client: Client, db: None, log: Log
) -> None:
    client.get("/accounts/login/")
    client.get("/no-such-page/")

    first, second = log.lines()
    assert (first["view"], first["status"]) == ("accounts:login", 200)
    assert "view" not in second


def test_an_unknown_path_is_logged_without_the_path(client: Client, db: None, log: Log) -> None:
    client.get(f"/cases/{CANARY}/?q={CANARY}")

    assert [line["message"] for line in log.lines()] == ["Not Found: a path without a view"]
    assert CANARY not in log.text


def test_a_refused_form_is_logged_by_its_view(db: None, log: Log) -> None:
    Client(enforce_csrf_checks=True).post("/accounts/login/", {"username": CANARY})

    messages = [line["message"] for line in log.lines()]
    assert "Forbidden (CSRF cookie not set.): accounts:login" in messages
    assert CANARY not in log.text


def test_health_and_metrics_are_logged_only_when_they_fail(client: Client, db: None, log: Log) -> None:
    client.get("/health/")  # 503: no active version

    assert "GET health 503" in [line["message"] for line in log.lines()]
    assert client.get("/metrics").status_code == 404
    assert "metrics 404" not in log.text


def test_an_exception_is_logged_with_its_frames_and_causes_without_messages(log: Log) -> None:
    try:
        _raise_with_cause()
    except RuntimeError:
        logging.getLogger("diagnostics.cases").exception("prediction %s failed", "4f6b")

    (line,) = log.lines()
    assert line["message"] == "prediction 4f6b failed"
    assert [entry for entry in line["exception"] if not entry.startswith("  ")] == [
        "builtins.RuntimeError",
        "builtins.ValueError",
    ]
    assert any(entry.endswith("_raise_with_cause") for entry in line["exception"])
    assert CANARY not in log.text


def test_line_breaks_of_a_client_do_not_forge_a_second_line(log: Log) -> None:
    logging.getLogger("webapp").warning("the name is %s", 'a\n{"level": "error", "message": "forged"}')

    assert len(log.lines()) == 1


def test_the_lines_of_a_job_name_its_task_and_id(log: Log) -> None:
    job = str(uuid.uuid4())

    name_job_in_log_lines(task=classify, args=(job,), task_id="any")
    logging.getLogger("diagnostics.cases.pipeline").warning("the database is unavailable")

    assert (log.lines()[0]["task"], log.lines()[0]["job_id"]) == ("cases.classify", job)


def test_the_line_of_a_request_has_the_id_of_its_response(client: Client, db: None, log: Log) -> None:
    response = client.get("/accounts/login/")
    logging.getLogger("webapp").warning("outside")

    assert [line["request_id"] for line in log.lines()] == [response["X-Request-ID"], "-"]


def test_plain_lines_omit_the_message_of_a_database_error_only() -> None:
    database, other = (_record_of(error) for error in (IntegrityError(CANARY), ValueError("a reason")))
    formatter = PlainFormatter("{message}", style="{")

    assert CANARY not in formatter.format(database)
    assert "django.db.utils.IntegrityError" in formatter.format(database)
    assert formatter.format(other).endswith("ValueError: a reason")


def test_the_settings_use_these_formats_and_hide_paths() -> None:
    settings: Any = importlib.import_module("webapp.settings")

    assert settings.LOGGING["formatters"]["json"]["()"] == "webapp.telemetry.logs.json_formatter"
    assert settings.LOGGING["handlers"]["stdout"]["formatter"] == "plain"
    filters = [logging.getLogger(name).filters for name in ("django.request", "django.security.csrf")]
    # A second configuration of logging, as by a worker, adds the filter again.
    assert all(each and isinstance(each[0], RouteOfRequest) for each in filters)


def opened_case(technician: User, now: datetime) -> Any:
    return admission.open_case(radiograph=radiograph_png(61), patient_ref=CANARY, by=technician, now=now).case


def _raise_with_cause() -> None:
    try:
        raise ValueError(f"the reference {CANARY} is too long")
    except ValueError as error:
        raise RuntimeError(f"no case for {CANARY}") from error


def _record_of(error: Exception) -> logging.LogRecord:
    try:
        raise error
    except Exception as raised:
        exc_info = (type(raised), raised, raised.__traceback__)
    return logging.LogRecord("webapp", logging.ERROR, __file__, 1, "failed", (), exc_info)
