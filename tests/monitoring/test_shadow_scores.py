"""The score of a shadow run, computed with a real network."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diagnostics.accounts.models import User
from diagnostics.audit.models import AuditEvent
from diagnostics.cases.models import Case
from diagnostics.jobs.lease import Clock
from diagnostics.jobs.models import Heartbeat, JobStatus
from diagnostics.monitoring.services import shadow, shadow_queue
from diagnostics.monitoring.tasks import score
from diagnostics.registry.models import ModelVersion
from tests.cases.conftest import (
    SendRadiograph,
    bundles,
    clock,
    first,
    messages,
    registered,
    send_radiograph,
    storage_folders,
    version,
    with_files,
)
from tests.cases.network import compute

__all__ = ["bundles", "clock", "first", "messages", "send_radiograph", "storage_folders", "version"]
pytestmark = [pytest.mark.network, pytest.mark.usefixtures("storage_folders")]


def test_the_score_is_that_of_the_candidate_and_changes_nothing_of_the_case(
    send_radiograph: SendRadiograph,
    first: ModelVersion,
    bundles: Path,
    administrator: User,
    clock: Clock,
    messages: Path,
) -> None:
    from diagnostics.cases import selectors as cases
    from ml.inference.predictor import Predictor

    second = with_files(registered(2, clock()), bundles)
    run = shadow.start(version=second, by=administrator, now=clock())
    case = send_radiograph(at=clock())
    prediction = compute(case, clock)
    before = Case.objects.values().get(pk=case.pk)
    heartbeat, events = list(Heartbeat.objects.values()), AuditEvent.objects.count()
    shadow_queue.advance(now=clock() + timedelta(minutes=1))

    score(str(run.predictions.get().pk))

    job = run.predictions.get()
    grey = np.asarray(Image.open(cases.radiograph_path(case.radiograph)), np.float32) / np.float32(65535)
    expected = Predictor(bundles / "v2").explain(grey).probabilities
    assert job.status == JobStatus.DONE
    assert job.probabilities == pytest.approx(expected, abs=1e-6)
    assert job.probabilities != pytest.approx(prediction.probabilities, abs=1e-3)
    assert Case.objects.values().get(pk=case.pk) == before
    assert (list(Heartbeat.objects.values()), AuditEvent.objects.count()) == (heartbeat, events)
    assert case.predictions.get() == prediction
