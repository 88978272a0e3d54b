"""Uploads while every process of Readroom is killed, frozen and restarted at random; prints a table.

python -m benchmarks.faults [--stack both] [--uploads 1000] [--faults 150] [--seed 1] [--scenarios]

Redis, PostgreSQL, web, workers, two schedulers and their children are real processes on a fresh home.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.faults.injection import Faults
from benchmarks.faults.processes import targets
from benchmarks.faults.report import print_table
from benchmarks.faults.scenarios import run_scenarios
from benchmarks.faults.uploads import Uploads
from tests.servers import wait_until
from tests.stack import START_TIMEOUT, Stack, readroom_stack
from tests.template_home import ROOT, Broker
from webapp.processes import INFERENCE, SCHEDULER, WEB

SETTLE_SECONDS = 600
CALM_EVERY = 10  # faults, after which every queued prediction is awaited before the next fault
OPEN = """
from diagnostics.cases.models import Prediction
print(Prediction.objects.filter(status__in=("queued", "running")).count())
"""
DURABLE = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("ALTER DATABASE readroom SET synchronous_commit = on")
"""
VERIFY = "from benchmarks.faults import verification; verification.print_findings({accepted!r})"


def main() -> int:
    """Run the faults on one or both stacks; return 1 if anything was lost, twice, orphaned or wrong."""
    arguments = _parser().parse_args()
    brokers: list[Broker] = ["embedded", "production"] if arguments.stack == "both" else [arguments.stack]
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "small"
        code = "import sys; from pathlib import Path; from tests.small_bundle import make_bundle; "
        code += "make_bundle(Path(sys.argv[1]))"
        subprocess.run([sys.executable, "-c", code, str(bundle)], cwd=ROOT, check=True, capture_output=True)
        return max([_run(broker, bundle, arguments) for broker in brokers])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", choices=("embedded", "production", "both"), default="both")
    parser.add_argument("--uploads", type=int, default=1000)
    parser.add_argument("--faults", type=int, default=150)
    parser.add_argument("--scenarios", action="store_true", help="poison image, torn bundle, full storage")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    return parser


def _run(broker: Broker, bundle: Path, arguments: argparse.Namespace) -> int:
    print(
        f"{broker}: {arguments.uploads} uploads, {arguments.faults} faults, seed {arguments.seed}", flush=True
    )
    started = time.monotonic()
    with readroom_stack(broker, bundle=bundle, processes=(WEB, INFERENCE, SCHEDULER)) as stack:
        if broker == "production":
            stack.shell(DURABLE)  # the tests' servers acknowledge commits that a kill may lose
        stack.start_second(SCHEDULER)
        uploads = Uploads(stack, arguments.uploads, first_seed=arguments.seed * 100_000)
        faults = Faults(stack, targets(stack), random.Random(arguments.seed))
        _inject_during(uploads, faults, arguments.faults)
        findings = _settled(stack, uploads)
        seconds = time.monotonic() - started
        failed = print_table(broker, uploads, faults, findings, seconds)
        if arguments.scenarios and not run_scenarios(stack, arguments.seed * 100_000 + arguments.uploads):
            return 1
        return failed


def _inject_during(uploads: Uploads, faults: Faults, number: int) -> None:
    uploads.start()
    try:
        for fault in range(1, number + 1):
            uploads.release(fault / number)
            name = faults.inject()
            print(f"  {fault:3d} {name}", flush=True)
            if fault % CALM_EVERY == 0:
                _wait_until_settled(uploads.stack)
    finally:
        uploads.finish()


def _settled(stack: Stack, uploads: Uploads) -> dict[str, Any]:
    _wait_until_settled(stack)
    for name in list(stack.processes):
        stack.stop_process(name)
    stack.manage("sweep_storage", "--older-than-hours", "0")  # only while nothing else runs
    stack.start(WEB, INFERENCE, SCHEDULER)
    wait_until(stack.is_healthy, seconds=START_TIMEOUT, what="the restart after the sweep")
    findings: dict[str, Any] = json.loads(stack.shell(VERIFY.format(accepted=uploads.accepted)))
    return findings


def _wait_until_settled(stack: Stack) -> None:
    def is_settled() -> bool:
        return int(stack.shell(OPEN)) == 0

    wait_until(is_settled, seconds=SETTLE_SECONDS, what=f"the end of all predictions\n{stack.tail()}")


if __name__ == "__main__":
    sys.exit(main())
