"""The commands, settings and configurations of docker-compose.yml, run together without Docker."""

from __future__ import annotations

import json
import re
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.deployment.compose_stack import HOST, METRICS_TOKEN, ComposeStack, compose_stack
from tests.http_client import HttpClient
from tests.prepare_home import token_of
from tests.radiographs import radiograph_png
from tests.servers import wait_until

pytestmark = [pytest.mark.stack, pytest.mark.network, pytest.mark.xdist_group("compose_stack")]

CANARY = "CANARY-4711"
SLOW_CLIENTS = 60
PLAIN = re.compile(r"\[?\d{4}-\d\d-\d\d[ T]")  # how the lines of Celery, gunicorn and LOG_FORMAT=plain begin


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, session_cache: Path, small_bundle: Path
) -> Iterator[ComposeStack]:
    with compose_stack(tmp_path_factory.mktemp("compose"), session_cache, small_bundle) as running:
        yield running


def test_a_radiograph_sent_through_nginx_gets_a_heatmap(stack: ComposeStack) -> None:
    script = stack.client(token=token_of("technician"))

    case = classified_case(stack, script, seed=9100)

    assert script.get(case["prediction"]["heatmap_url"]).body.startswith(b"\x89PNG")


def test_a_member_of_staff_logs_in_over_https_only(stack: ComposeStack) -> None:
    session = stack.client().log_in("technician", "a long pass phrase")

    assert session.get("/cases/").status == 200
    page = session.get("/accounts/profile/")
    assert page.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert HttpClient(f"http://{HOST}:{stack.http_port}").get("/nginx-health").status == 204
    with socket.create_connection((HOST, stack.http_port)) as plain:
        plain.sendall(b"GET /cases/ HTTP/1.1\r\nHost: readroom.example.org\r\nConnection: close\r\n\r\n")
        answer = plain.makefile("rb").read().decode()
    assert "301 Moved Permanently" in answer
    assert "Location: https://readroom.example.org/cases/" in answer


def test_the_health_check_of_each_running_service_passes_and_of_a_missing_one_fails(
    stack: ComposeStack,
) -> None:
    running = ("postgres", "redis", "nginx", "web", "worker-inference", "scheduler")

    for name in running:  # Docker too repeats a check that failed once
        wait_until(partial(stack.is_healthy, name), seconds=60, what=f"a passed health check of {name}")
    assert stack.health_check("worker-training") == 1  # not started here


def test_nginx_refuses_a_form_that_is_too_large_before_the_web_process(stack: ComposeStack) -> None:
    response = stack.client().post("/accounts/login/", {"username": "x" * 6_000_000})

    assert response.status == 413
    assert response.headers["Server"] == "nginx"


def test_clients_that_send_nothing_delay_no_other_request(stack: ComposeStack) -> None:
    with ExitStack() as open_connections:
        for _ in range(SLOW_CLIENTS):  # more than the sixteen threads of the web process
            connection = socket.create_connection((HOST, stack.http_port))
            open_connections.enter_context(connection)
            connection.sendall(b"POST /accounts/login/ HTTP/1.1\r\nHost: x\r\n")

        assert stack.client().get("/accounts/login/").status == 200


def test_metrics_are_summed_over_the_web_processes_and_hidden_by_nginx(stack: ComposeStack) -> None:
    script = stack.client(token=token_of("technician"))
    before = metrics(stack)
    classified_case(stack, script, seed=9101)
    for _ in range(20):
        stack.client().get("/accounts/profile/")

    done = "readroom_jobs", (("job_type", "cases.prediction"), ("status", "done"))
    wait_until(lambda: metrics(stack)[done] > before[done], seconds=60, what="a count of the prediction")
    after = metrics(stack)

    with pytest.raises(urllib.error.HTTPError, match="404"):
        read_metrics(stack.client().base_url, ssl.create_default_context(cafile=stack.certificate))
    name = "readroom_requests_total"
    labels = (("method", "GET"), ("status", "302"), ("view", "accounts:profile"))
    assert after[name, labels] - before.get((name, labels), 0) == 20


def test_every_log_line_is_json_and_no_log_or_message_contains_a_patient_reference(
    stack: ComposeStack,
) -> None:
    script = stack.client(token=token_of("technician"))

    case = classified_case(stack, script, seed=9102)
    script.get(f"/cases/{CANARY}/?q={CANARY}")

    logs = stack.logs()
    for name in ("web", "scheduler", "nginx-access"):
        assert not [line for line in logs[name].splitlines() if not is_json(line)], name
    # The libraries of TensorFlow write lines of their own, which pass no logger of Python.
    worker = [line for line in logs["worker-inference"].splitlines() if is_json(line) or PLAIN.match(line)]
    assert any("inference@" in line for line in worker)
    assert not [line for line in worker if not is_json(line)]
    requests = [json.loads(line) for line in logs["web"].splitlines()]
    of_case = [line for line in requests if line.get("url_pk") == case["id"] and line.get("status") == 200]
    assert of_case
    nginx = {json.loads(line)["request_id"] for line in logs["nginx-access"].splitlines()}
    assert {line["request_id"] for line in of_case} <= nginx
    assert not [name for name, text in logs.items() if CANARY in text or token_of("technician") in text]
    messages = b"".join(file.read_bytes() for file in (stack.folder / "redis").rglob("*") if file.is_file())
    assert b"cases.classify" in messages
    assert CANARY.encode() not in messages


def is_json(line: str) -> bool:
    """Return whether a line is one JSON object."""
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def classified_case(stack: ComposeStack, script: HttpClient, *, seed: int) -> dict:
    files = {"radiograph": ("radiograph.png", radiograph_png(seed))}
    sent = script.post("/api/v1/cases/", {"patient_ref": f"{CANARY}-{seed}"}, files)
    assert sent.status == 201, sent.text
    url = f"/api/v1/cases/{sent.json()['id']}/"
    wait_until(
        lambda: script.get(url).json()["status"] == "done", seconds=90, what=f"a result\n{stack.tail()}"
    )
    return dict(script.get(url).json())


def metrics(stack: ComposeStack) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Read the metrics from the web process directly, as Prometheus does; its cache lasts ten seconds."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(read_metrics(f"http://{HOST}:{stack.web_port}"))
        for sample in family.samples
    }


def read_metrics(base_url: str, trust: ssl.SSLContext | None = None) -> str:
    headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    request = urllib.request.Request(f"{base_url}/metrics", headers=headers)
    with urllib.request.urlopen(request, context=trust) as response:
        return str(response.read().decode())
