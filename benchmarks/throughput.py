"""Radiographs a second of the whole system, from HTTP to the stored heatmap, beside its engine alone.

python -m benchmarks.throughput DATA [--stack both] [--workers 1 2] [--radiographs 100] [--json OUT]

The engine alone is the serving engine on decoded radiographs, with the overlay picture, in one process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.collections_on_disk import cohen_radiographs, radiography_radiographs
from benchmarks.process_memory import processor_seconds, proportional_of_tree, resident_of_tree
from ml.datasets.hashing import hash_fraction
from tests.servers import wait_until
from tests.stack import Stack, readroom_stack
from tests.template_home import ROOT, Broker
from webapp.processes import INFERENCE, SCHEDULER, WEB

BUNDLE: Final = ROOT / "ml" / "bundles" / "default"
SETTLE_SECONDS: Final = 600
LOW_PRIORITY: Final = ("nice", "-n", "10")  # that of the training worker
STARTING: Final = 60  # seconds until the training has read its radiographs
FIRST: Final = 3  # uploads before the measurement, which load the model
OPEN: Final = """
from diagnostics.cases.models import Prediction
print(Prediction.objects.filter(status__in=("queued", "running")).count())
"""
TIMES: Final = """
import json
from diagnostics.cases.models import Prediction
rows = Prediction.objects.filter(status="done").values_list("case_id", "finished_at", "seconds")
print(json.dumps({str(case): [finished.timestamp(), seconds] for case, finished, seconds in rows}))
"""


@dataclass(frozen=True)
class Upload:
    """One upload that was accepted."""

    case: str
    sent_at: float  # seconds since 1970


def main() -> None:
    """Measure the engine and the system; print one table for each stack."""
    arguments = _parser().parse_args()
    files = choose_files(
        arguments.data, arguments.radiographs + FIRST + 2 * arguments.single, arguments.collection
    )
    engine = _engine_alone([str(path) for path in files[: arguments.radiographs]])
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"engine alone: {1000 / engine:.1f} radiographs a second ({engine:.1f} ms)\n")
    brokers: list[Broker] = ["embedded", "production"] if arguments.stack == "both" else [arguments.stack]
    results = []
    for broker in brokers:
        for workers in arguments.workers:
            found = _system(broker, workers, files, arguments)
            print(_table(broker, workers, found, engine), flush=True)
            results.append({"stack": broker, "workers": workers, "engine": engine} | found)
    if arguments.json:
        arguments.json.write_text(json.dumps(results), encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the public collections")
    parser.add_argument("--stack", choices=("embedded", "production", "both"), default="both")
    parser.add_argument("--radiographs", type=int, default=100, help="of the burst")
    parser.add_argument("--single", type=int, default=15, help="uploads on an idle system, one at a time")
    parser.add_argument("--senders", type=int, default=2)
    parser.add_argument("--workers", type=int, nargs="+", default=[1], help="inference workers")
    parser.add_argument("--training", action="store_true", help="also single uploads while a network trains")
    parser.add_argument("--json", type=Path, help="where the figures go, for the pictures")
    parser.add_argument("--collection", choices=("all", "cohen", "radiography"), default="all")
    return parser


def choose_files(data: Path, count: int, collection: str) -> list[Path]:
    """Return radiographs of the collections on disk, the same ones each time."""
    images = []
    if collection != "radiography":
        images += cohen_radiographs(data / "covid-chestxray-dataset")[0]
    if collection != "cohen":
        images += radiography_radiographs(data / "COVID-19_Radiography_Dataset")
    paths = sorted((each.path for each in images), key=lambda path: hash_fraction(path.name, "throughput"))
    return paths[:count]


def _engine_alone(files: list[str]) -> float:
    """Return the milliseconds a radiograph of the engine in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.throughput_engine", str(BUNDLE), *files]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout.splitlines()[-1])


def _system(
    broker: Broker, workers: int, files: Sequence[Path], arguments: argparse.Namespace
) -> dict[str, Any]:
    with readroom_stack(broker, processes=(WEB, INFERENCE, SCHEDULER)) as stack:
        for _ in range(workers - 1):
            stack.start_second(INFERENCE)
        started = time.time()
        first = [send(stack, path) for path in files[:FIRST]]
        settle(stack)
        to_first_result = _finished(stack)[first[0].case][0] - started
        before = _processor_seconds(stack)
        uploads = _burst(stack, files[FIRST : FIRST + arguments.radiographs], arguments.senders)
        settle(stack)
        spent = {name: seconds - before[name] for name, seconds in _processor_seconds(stack).items()}
        single = files[FIRST + arguments.radiographs :]
        alone = _one_at_a_time(stack, single[: arguments.single])
        beside = []
        if arguments.training:
            with _training(arguments.data):
                beside = _one_at_a_time(stack, single[arguments.single :])
        finished = _finished(stack)
        last = max(finished[each.case][0] for each in uploads if each.case in finished)
        return {
            "seconds": last - min(each.sent_at for each in uploads),
            "done": sum(each.case in finished for each in uploads),
            "latencies": [finished[each.case][0] - each.sent_at for each in alone if each.case in finished],
            "beside_training": [
                finished[each.case][0] - each.sent_at for each in beside if each.case in finished
            ],
            "steps": [finished[each.case][1] for each in alone if each.case in finished],
            "spent": spent,
            "memory": {name: resident_of_tree(stack.processes[name].pid) for name in before},
            "proportional": {name: proportional_of_tree(stack.processes[name].pid) for name in before},
            "to_first_result": to_first_result,
        }


def _processor_seconds(stack: Stack) -> dict[str, float]:
    """Return the processor time of the web processes and of all inference workers."""
    return {
        kind: sum(
            processor_seconds(process.pid) for name, process in stack.processes.items() if name.endswith(kind)
        )
        for kind in (WEB, INFERENCE)
    }


def _burst(stack: Stack, files: Sequence[Path], senders: int) -> list[Upload]:
    uploads: list[Upload] = []
    waiting = list(files)
    lock = threading.Lock()

    def send_all() -> None:
        while True:
            with lock:
                if not waiting:
                    return
                path = waiting.pop()
            sent = send(stack, path)
            with lock:
                uploads.append(sent)

    threads = [threading.Thread(target=send_all) for _ in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return uploads


def send(stack: Stack, path: Path) -> Upload:
    """Upload one radiograph by the API."""
    sent_at = time.time()
    reply = stack.api_client("technician").post(
        "/api/v1/cases/",
        {"patient_ref": f"BENCHMARK-{path.stem}"},
        {"radiograph": (path.name, path.read_bytes())},
    )
    assert reply.status in (200, 201), reply.text
    return Upload(reply.json()["id"], sent_at)


def _one_at_a_time(stack: Stack, files: Sequence[Path]) -> list[Upload]:
    uploads = []
    for path in files:
        uploads.append(send(stack, path))
        time.sleep(1)  # longer than a prediction: the next upload meets an idle system
    settle(stack)
    return uploads


@contextmanager
def _training(data: Path) -> Iterator[None]:
    """Train a network with the priority of the training worker until the block ends."""
    command = [
        *LOW_PRIORITY,
        sys.executable,
        "-m",
        "benchmarks.trust_report",
        str(data),
        "--radiographs",
        "1000",
    ]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True) as training:
        try:
            Path(f"/proc/{training.pid}/autogroup").write_text(LOW_PRIORITY[-1], encoding="ascii")
            time.sleep(STARTING)
            yield
            assert training.poll() is None, "the training ended before the uploads"
        finally:
            training.kill()


def settle(stack: Stack) -> None:
    """Wait until no prediction is queued or running."""
    wait_until(
        lambda: int(stack.shell(OPEN)) == 0, seconds=SETTLE_SECONDS, what=f"predictions\n{stack.tail()}"
    )


def _finished(stack: Stack) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stack.shell(TIMES))
    return found


def _table(broker: Broker, workers: int, found: dict[str, Any], engine: float) -> str:
    each = 1000 * found["seconds"] / found["done"]
    rows = [
        ("throughput over the engine alone", f"{engine / each:.2f}"),
        ("radiographs a second", f"{1000 / each:.1f} ({each:.0f} ms each)"),
        ("upload to result on an idle system over the engine", f"{_latency(found) / engine:.1f}"),
        ("upload to result on an idle system", f"{_latency(found):.0f} ms"),
        *_beside_training(found),
        ("start of the first upload to its result", f"{1000 * found['to_first_result']:.0f} ms"),
    ]
    for name, seconds in found["spent"].items():
        rows.append((f"processor of {name} a radiograph", f"{1000 * seconds / found['done']:.0f} ms"))
        rows.append((f"resident memory of {name}", f"{found['memory'][name] / 2**20:.0f} MB"))
        shared_once = found["proportional"][name] / 2**20
        rows.append((f"memory of {name}, shared pages once", f"{shared_once:.0f} MB"))
    for step in found["steps"][0]:
        rows.append((f"step {step}", f"{1000 * median(row.get(step, 0) for row in found['steps']):.1f} ms"))
    body = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return (
        f"| {broker}, {workers} inference worker(s), {found['done']} radiographs | |\n| --- | --- |\n{body}\n"
    )


def _beside_training(found: dict[str, Any]) -> list[tuple[str, str]]:
    if not found["beside_training"]:
        return []
    beside = 1000 * median(found["beside_training"])
    return [
        ("upload to result while a network trains", f"{beside:.0f} ms, {beside / _latency(found):.2f} times")
    ]


def _latency(found: dict[str, Any]) -> float:
    return 1000 * median(found["latencies"])


if __name__ == "__main__":
    main()
