"""Faults with an expected answer: a poison image, a torn bundle, full and read-only storage."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.http_client import HttpClient, HttpResponse
from tests.radiographs import individual_radiograph_png, radiograph_png
from tests.servers import wait_until
from tests.stack import Stack
from webapp.processes import INFERENCE

SECONDS = 240
POISON_SIZE = (2600, 2600)  # its prediction takes long enough to be interrupted
STATUS = """
import json
from diagnostics.cases.models import Prediction
row = Prediction.objects.filter(case_id="{case}").values("status", "attempts", "failure_code", "worker").get()
print(json.dumps(row))
"""


def run_scenarios(stack: Stack, first_seed: int) -> bool:
    """Run all scenarios on a running stack, print a line for each, and return whether all passed."""
    scenarios: list[Callable[[Stack, int], str]] = [_poison_image, _torn_bundle, _storage]
    passed = True
    for number, scenario in enumerate(scenarios):
        try:
            result = scenario(stack, first_seed + 10 * number)
        except (AssertionError, TimeoutError) as error:
            result, passed = f"FAILED: {str(error).splitlines()[0]}", False
        print(f"{scenario.__name__.strip('_').replace('_', ' ')}: {result}", flush=True)
    return passed


def _poison_image(stack: Stack, seed: int) -> str:
    """Kill the child of the inference worker each time it computes one radiograph."""
    client = stack.api_client("technician")
    poison = _accepted(_send(client, radiograph_png(seed, POISON_SIZE)))

    def has_ended() -> bool:
        row = _status(stack, poison)
        if row["status"] == "running":  # kill the process that computes it: worker is HOST:PID:...
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(row["worker"].split(":")[1]), signal.SIGKILL)
        return row["status"] in ("done", "failed")

    wait_until(has_ended, seconds=SECONDS, what="the end of the poison image")
    after = _accepted(_send(client, individual_radiograph_png(seed + 1)))
    _wait_for_end(stack, after)
    row = _status(stack, poison)
    assert (row["status"], row["failure_code"], row["attempts"]) == ("failed", "worker_lost", 3), row
    assert _status(stack, after)["status"] == "done"
    return f"failed with {row['failure_code']} after {row['attempts']} attempts; the next case is done"


def _torn_bundle(stack: Stack, seed: int) -> str:
    """Cut the weights of the active version in half; the worker must refuse them after its next start."""
    client = stack.api_client("technician")
    weights = next((stack.home / "bundles").glob("*/*.weights.h5"))
    whole = weights.read_bytes()
    stack.kill9(INFERENCE)
    weights.write_bytes(whole[: len(whole) // 2])
    stack.start(INFERENCE)
    case = _accepted(_send(client, individual_radiograph_png(seed)))
    _wait_for_end(stack, case)
    row = _status(stack, case)
    assert (row["status"], row["failure_code"]) == ("failed", "model_damaged"), row
    weights.write_bytes(whole)
    reply = stack.session("technician").post(f"/cases/{case}/retry/")
    assert reply.status == 200, reply.status
    wait_until(
        lambda: _status(stack, case)["status"] == "done", seconds=SECONDS, what="the repeated prediction"
    )
    return "failed with model_damaged; done after the file was restored and the prediction repeated"


def _storage(stack: Stack, seed: int) -> str:
    """Fill the storage, then mount it read-only: uploads are refused with 503, and accepted afterwards."""
    if os.geteuid() != 0:
        return "skipped: mounting a file system needs root"
    media, client = stack.home / "media", stack.api_client("technician")
    radiograph = individual_radiograph_png(seed)
    refused = []
    with _small_file_system(media):
        filler = media / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(65536))
        refused.append(_send(client, radiograph).status)
        pages = client.get("/api/v1/cases/").status
        filler.unlink()
        _mount("-o", "remount,ro", str(media))
        refused.append(_send(client, radiograph).status)
        _mount("-o", "remount,rw", str(media))
        case = _accepted(_send(client, radiograph))
        _wait_for_end(stack, case)
        status = _status(stack, case)["status"]
    assert (refused, pages, status) == ([503, 503], 200, "done"), (refused, pages, status)
    return "uploads refused with 503 while full and while read-only, pages open; accepted and done afterwards"


@contextlib.contextmanager
def _small_file_system(folder: Path) -> Iterator[None]:
    _mount("-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def _send(client: HttpClient, radiograph: bytes) -> HttpResponse:
    fields = {"patient_ref": "SCENARIO", "priority": "routine"}
    return client.post("/api/v1/cases/", fields, {"radiograph": ("r.png", radiograph)})


def _accepted(reply: HttpResponse) -> str:
    assert reply.status in (200, 201), f"an upload was answered with {reply.status}"
    return str(reply.json()["id"])


def _status(stack: Stack, case: str) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(stack.shell(STATUS.format(case=case)))
    return row


def _wait_for_end(stack: Stack, case: str) -> None:
    def has_ended() -> bool:
        return _status(stack, case)["status"] in ("done", "failed")

    wait_until(has_ended, seconds=SECONDS, what=f"the prediction of a scenario\n{stack.tail()}")
