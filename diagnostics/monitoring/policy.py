"""Limits of monitoring and its alerts. docs/monitoring.md explains each one and names its source."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from ml.metrics.drift import Drift
from ml.metrics.statistics import wilson

MIN_CASES: Final = 30  # an estimate from fewer is 'too few': never good, never an alert
REFERENCE_CASES: Final = 200  # first live predictions of a version at a site
PSI_WATCH: Final = 0.1
PSI_LIMIT: Final = 0.25
STOPPED_LIMIT: Final = 0.10  # share of radiographs that the quality gate stops
FAILED_LIMIT: Final = 0.05  # share of AI results that failed
DISTANT_LIMIT: Final = 0.10  # share of AI results out of distribution
WAITING_LIMIT: Final = timedelta(minutes=10)  # 95th percentile of the waiting time
WINDOWS: Final = (timedelta(hours=1), timedelta(hours=24))  # of the rules that look at radiographs
READING_WINDOW: Final = timedelta(days=28)  # of the rules that look at readings
CLOSE_AFTER: Final = timedelta(hours=24)  # without the condition an alert is closed
HOURS_KEPT: Final = timedelta(days=14)
MOST_DEVICES: Final = 20  # devices with a row of their own, per site and day
FIRST_RETRY: Final = timedelta(minutes=5)  # of an e-mail; each further pause is twice as long
LONGEST_PAUSE: Final = timedelta(hours=6)


class Rule(TextChoices):
    """What raises an alert."""

    INPUT_DRIFT = "input-drift", _("Input drift")
    SCORE_DRIFT = "score-drift", _("Score drift")
    STOPPED = "stopped", _("Stopped at the quality gate")
    FAILED = "failed", _("Failed AI results")
    DISTANT = "out-of-distribution", _("Out of distribution")
    WAITING = "waiting", _("Waiting time")
    AGREEMENT = "agreement", _("AI-reader agreement")
    SENSITIVITY = "sensitivity", _("Sensitivity")


class State(TextChoices):
    """How an estimate is to be taken."""

    TOO_FEW = "too-few", _("too few")
    GOOD = "good", _("within its limit")
    INCONCLUSIVE = "inconclusive", _("inconclusive")
    WATCH = "watch", _("watch")
    BEYOND = "beyond", _("beyond its limit")


def drift_state(drift: Drift | None) -> State:
    """Return the state of a measure; it is good only if its whole interval is below the limit."""
    if drift is None or min(drift.n, drift.reference_n) < MIN_CASES:
        return State.TOO_FEW
    if drift.psi > drift.psi_by_chance and drift.psi >= PSI_WATCH:
        return State.BEYOND if drift.psi >= PSI_LIMIT else State.WATCH
    return State.GOOD if drift.psi_interval[1] < PSI_LIMIT else State.INCONCLUSIVE


def share_state(count: int, of: int, limit: float) -> State:
    """Return the state of a share that should be small: beyond if its whole interval is above the limit."""
    if of < MIN_CASES:
        return State.TOO_FEW
    if wilson(count, of)[0] > limit:
        return State.BEYOND
    return State.WATCH if count / of > limit else State.GOOD


def floor_state(count: int, of: int, floor: float | None) -> State:
    """Return the state of a share that should be large: beyond if its whole interval is below the floor."""
    if of < MIN_CASES or floor is None:
        return State.TOO_FEW
    if wilson(count, of)[1] < floor:
        return State.BEYOND
    return State.WATCH if count / of < floor else State.GOOD
