"""Workers on other hosts share PostgreSQL, Redis and an S3 bucket with the web process, and no folder."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from diagnostics.stores.options import S3Options
from tests.http_client import HttpClient
from tests.journeys.conftest import send, wait_for_case
from tests.radiographs import radiograph_png
from tests.s3_server import environment_of_bucket
from tests.servers import wait_until
from tests.stack import START_TIMEOUT, Stack
from tests.template_home import NO_BUNDLE, environment_of, servers, template_home
from webapp.processes import INFERENCE, WEB

pytestmark = [pytest.mark.stack, pytest.mark.network]
WORKERS_OF_CASES = """
import json
from diagnostics.cases.models import Prediction
done = Prediction.objects.filter(status="done")
print(json.dumps(sorted(set(done.values_list("worker", flat=True)))))
"""


@pytest.fixture(params=[1, pytest.param(2, marks=pytest.mark.nightly)])
def hosts(
    request: pytest.FixtureRequest,
    session_cache: Path,
    small_bundle: Path,
    bucket: S3Options,
    tmp_path: Path,
) -> Iterator[list[Stack]]:
    """Yield a web host, and hosts with an inference worker each, whose homes begin empty."""
    with ExitStack() as resources:
        template = template_home(session_cache, "production", NO_BUNDLE)
        homes = [tmp_path / name for name in ("web", "first", "second")[: request.param + 1]]
        shutil.copytree(template / "home", homes[0])
        running = resources.enter_context(servers("production", template))
        hosts = []
        for home in homes:
            home.mkdir(exist_ok=True)
            environment = environment_of(home, bundle=small_bundle, servers=running)
            hosts.append(Stack(home, environment | environment_of_bucket(bucket)))
            resources.callback(hosts[-1].stop)
        hosts[0].manage("prepare")
        hosts[0].start(WEB)
        for worker in hosts[1:]:
            worker.start(INFERENCE)
        wait_until(hosts[0].is_healthy, seconds=START_TIMEOUT, what="the start of Readroom")
        yield hosts


def test_workers_that_share_no_folder_classify_what_another_host_received(hosts: list[Stack]) -> None:
    web, *workers = hosts
    client, technician = web.api_client("technician"), web.session("technician")
    form = {"patient_ref": "S3-1", "priority": "stat", "view": ""}
    technician.get("/cases/upload/")
    page = technician.post("/cases/upload/", form, {"radiographs": ("radiograph.png", radiograph_png(9))})
    case = re.search(r"/cases/[0-9a-f-]{36}/", page.text)
    assert case, page.text

    wait_until(
        lambda: "/heatmap/" in technician.get(case[0]).text, seconds=90, what=f"a heatmap\n{web.tail()}"
    )
    overlay = technician.get(f"{case[0]}overlay.png")
    assert (overlay.status, overlay.body[:4]) == (200, b"\x89PNG")
    wait_until(lambda: _have_all_worked(workers, web, client), seconds=90, what="work of all")

    assert not [file for host in hosts for file in (host.home / "media").rglob("*.*")]
    for worker in workers:
        assert [folder.name for folder in (worker.home / "bundles").iterdir()] == ["v1"]
        assert not (worker.home / "db.sqlite3").exists()
    assert not any(
        "canary-secret-key" in log.read_text() for host in hosts for log in host.home.glob("*.log")
    )


def _have_all_worked(workers: list[Stack], web: Stack, client: HttpClient) -> bool:
    addresses = [send(client, patient="S3-2") for _radiograph in range(4)]
    for address in addresses:
        assert wait_for_case(web, client, address)["status"] == "done"
    return len(json.loads(web.shell(WORKERS_OF_CASES))) == len(workers)
