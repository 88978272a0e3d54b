"""The table of a fault run."""

from __future__ import annotations

import os
from bisect import bisect_right
from typing import Any

from benchmarks.faults.injection import Faults
from benchmarks.faults.uploads import Uploads

Interval = tuple[float, float]  # seconds since the epoch


def wait_after_restart(waits: list[Interval], outages: list[Interval]) -> tuple[float, int]:
    """Return the longest wait of a prediction between two faults, and the number of faults before it."""
    longest = (0.0, 0)
    ends = [0.0, *(end for _, end in outages)]
    begins = [*(begin for begin, _ in outages), float("inf")]
    for queued, finished in waits:
        for calm in range(bisect_right(ends, queued) - 1, len(ends)):
            longest = max(longest, (min(finished, begins[calm]) - max(queued, ends[calm]), calm))
            if begins[calm] > finished:
                break
    return longest


def print_table(
    broker: str, uploads: Uploads, faults: Faults, findings: dict[str, Any], seconds: float
) -> int:
    """Print the figures of one stack; return 1 if anything was lost, twice, orphaned or wrong."""
    wait, before = wait_after_restart(findings["waits"], faults.outages)
    after = f", after fault {before} ({faults.names[before - 1]})" if before else ""
    bad = {
        "given up": len(uploads.given_up),
        "lost": findings["lost"],
        "twice": findings["twice"],
        "failed": sum(findings["failed"].values()),
        "rows with missing or wrong files": len(findings["wrong_files"]),
        "orphans": len(findings["orphans"]),
    }
    rows = {
        "stack": broker,
        "uploads accepted": len(uploads.accepted),
        "cases": findings["cases"],
        "predictions done": findings["done"],
        **bad,
        "longest wait after a restart": f"{wait:.1f} s{after}",
        "faults": sum(faults.counts.values()),
        "duration": f"{seconds:.0f} s",
        "load average of the host": f"{os.getloadavg()[2]:.1f} on {os.cpu_count()} cores",
    }
    print("\n".join(f"| {name} | {value} |" for name, value in rows.items()))
    print("faults: " + ", ".join(f"{name} {count}" for name, count in sorted(faults.counts.items())))
    print("repeated tries: " + ", ".join(f"{name} {n}" for name, n in uploads.errors.most_common()))
    for key in ("failed", "wrong_files", "orphans"):
        if findings[key]:
            print(f"{key}: {findings[key]}")
    return int(any(bad.values()))
