"""The states of drift: what is good, what is inconclusive, and what raises an alert."""

from __future__ import annotations

import pytest

from diagnostics.monitoring import policy
from diagnostics.monitoring.policy import State
from ml.metrics.drift import Drift


def drift(psi: float, upper: float, by_chance: float, n: int = 100) -> Drift:
    return Drift(
        n=n,
        reference_n=200,
        psi=psi,
        psi_interval=(0.0, upper),
        psi_by_chance=by_chance,
        ks=0.1,
        ks_interval=(0.0, 0.2),
        ks_p=0.5,
    )


@pytest.mark.parametrize(
    ("measured", "state"),
    [
        (None, "too-few"),
        (drift(2.0, 3.0, 0.2, n=29), "too-few"),
        (drift(0.05, 0.20, 0.1), "good"),
        (drift(0.05, 0.30, 0.1), "inconclusive"),  # the interval reaches the limit of 0.25
        (drift(0.35, 0.60, 0.4), "inconclusive"),  # chance explains it
        (drift(0.15, 0.30, 0.1), "watch"),
        (drift(0.30, 0.60, 0.2), "beyond"),
    ],
)
def test_the_state_of_drift_follows_from_its_interval_and_from_chance(
    measured: Drift | None, state: str
) -> None:
    assert policy.drift_state(measured) == State(state)
