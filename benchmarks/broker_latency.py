"""Enqueue-to-start latency of both brokers with the settings of the product.

python -m benchmarks.broker_latency [--messages 80]
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any

from celery import Celery

from tests.servers import redis_server, wait_until
from webapp.celery_config import celery_settings
from webapp.processes import worker

HOME = Path(os.environ.get("BENCHMARK_HOME", tempfile.gettempdir()))
STARTS = HOME / "starts"
QUEUES = "stat,maintenance,inference"

app = Celery("broker_latency")
app.conf.update(celery_settings(os.environ.get("BENCHMARK_BROKER", "filesystem://"), HOME))


@app.task(name="note_start")
def note_start(name: str, seconds: float = 0.0) -> None:
    """Record the start time, then occupy the worker."""
    with STARTS.open("a") as file:
        file.write(f"{name} {time.time()}\n")
    time.sleep(seconds)


def main() -> None:
    """Measure both brokers and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=80)
    messages = parser.parse_args().messages
    print(f"{'broker':<9} {'p50':>8} {'p95':>8} {'max':>8} {'STAT':>8} {'200 no-ops':>11} {'idle CPU':>9}")
    measure("embedded", "filesystem://", messages)
    with redis_server() as url:
        measure("redis", url, messages)


def measure(name: str, broker: str, messages: int) -> None:
    """Measure one broker in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="readroom-latency-") as home:
        os.environ["BENCHMARK_HOME"], os.environ["BENCHMARK_BROKER"] = home, broker
        print(f"{name:<9} ", end="", flush=True)
        subprocess.run(
            [sys.executable, "-m", "benchmarks.broker_latency", "--child", str(messages)], check=True
        )


def print_latencies(messages: int) -> None:
    """Start a worker and print its latencies; the settings of this process are those of the worker."""
    with _worker() as pid:
        before = _cpu(pid)
        time.sleep(5)
        idle = (_cpu(pid) - before) / 5
        latencies = [_single(number) for number in range(messages)]
        stat = _stat_behind(60)
        drained = _drain(200)
    cuts = quantiles(latencies, n=20)
    print(
        f"{cuts[9] * 1000:5.0f} ms {cuts[18] * 1000:5.0f} ms {max(latencies) * 1000:5.0f} ms "
        f"{stat * 1000:5.0f} ms {drained:9.2f} s {idle:9.1%}"
    )


@contextmanager
def _worker() -> Iterator[int]:
    command = [part.replace("webapp.celery", "benchmarks.broker_latency") for part in worker("b", QUEUES)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _send("first", "inference")
        wait_until(lambda: "first" in _starts(), seconds=30, what="the start of the worker")
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def _single(number: int) -> float:
    time.sleep(random.uniform(0.15, 0.35))
    sent = _send(f"single-{number}", "inference")
    return _start_of(f"single-{number}") - sent


def _stat_behind(count: int) -> float:
    """Return the latency of a STAT message behind `count` routine ones of 50 ms each."""
    for number in range(count):
        _send(f"routine-{number}", "inference", 0.05)
    sent = _send("stat", "stat")
    latency = _start_of("stat") - sent
    _start_of(f"routine-{count - 1}")
    return latency


def _drain(count: int) -> float:
    start = time.time()
    for number in range(count):
        _send(f"drain-{number}", "inference")
    wait_until(
        lambda: sum(n.startswith("drain-") for n in _starts()) == count, seconds=60, what="the no-op messages"
    )
    return time.time() - start


def _send(name: str, queue: str, seconds: float = 0.0) -> float:
    now = time.time()
    note_start.apply_async(args=[name, seconds], queue=queue)
    return now


def _start_of(name: str) -> float:
    wait_until(lambda: name in _starts(), seconds=30, what=f"the start of {name}")
    return _starts()[name]


def _starts() -> dict[str, float]:
    lines: list[Any] = [line.split() for line in STARTS.read_text().splitlines()] if STARTS.exists() else []
    return {line[0]: float(line[1]) for line in lines if len(line) == 2}


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        from benchmarks import broker_latency  # the module in which the worker finds the task

        broker_latency.print_latencies(int(sys.argv[2]))
    else:
        main()
