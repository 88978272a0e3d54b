"""The longest wait of a fault run: the parts of each waiting time between two faults."""

from __future__ import annotations

import pytest

from benchmarks.faults.report import wait_after_restart

OUTAGES = [(10.0, 12.0), (20.0, 25.0)]


@pytest.mark.parametrize(
    ("waits", "longest"),
    [
        ([(0.0, 3.0)], 3.0),  # before the first outage
        ([(9.0, 15.0)], 3.0),  # 1 s before the first outage and 3 s after it
        ([(11.0, 15.0)], 3.0),  # queued during the outage
        ([(9.0, 40.0)], 15.0),  # 1 s, 8 s between the outages, and 15 s after the second
        ([(13.0, 14.0), (26.0, 28.5)], 2.5),
        ([], 0.0),
    ],
)
def test_only_time_without_a_fault_counts_as_waiting(
    waits: list[tuple[float, float]], longest: float
) -> None:
    assert wait_after_restart(waits, OUTAGES)[0] == pytest.approx(longest)
