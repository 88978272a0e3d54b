"""What a run would be given, and the refusal of a run that would repeat the last one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.cases.models import Radiograph
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.training.errors import Unchanged
from diagnostics.training.models import SnapshotLabel, TrainingRun
from diagnostics.training.policy import Parameters
from diagnostics.training.selectors import label_counts, labels
from tests.training.conftest import FINE_TUNE, Sign, logged_in, queue_run

SignRequired = Callable[[], None]


@pytest.fixture
def finished(
    active_version: ModelVersion, sign_required: SignRequired, administrator: User, now: datetime
) -> TrainingRun:
    """Return a finished run on all current labels."""
    sign_required()
    run = queue_run(administrator, now)
    SnapshotLabel.objects.bulk_create(
        SnapshotLabel(
            run=run, case_id=each.case, label=each.label, imported=False, finding=each.finding, part="train"
        )
        for each in labels.labelled_radiographs()
    )
    TrainingRun.objects.filter(pk=run.pk).update(status=JobStatus.DONE)
    return run


def test_a_run_that_would_repeat_the_last_one_is_refused(
    finished: TrainingRun, administrator: User, now: datetime
) -> None:
    with pytest.raises(Unchanged, match="Nothing has changed since training run 1"):
        queue_run(administrator, now)


def test_other_parameters_may_start(finished: TrainingRun, administrator: User, now: datetime) -> None:
    assert queue_run(administrator, now, Parameters.of("vgg16-finetune", epochs=4)).number == 2


@pytest.mark.parametrize("change", ["new label", "new version", "stopped run", "failed run"])
def test_a_run_may_start_after_a_change(
    change: str, finished: TrainingRun, sign: Sign, administrator: User, now: datetime
) -> None:
    of_run = TrainingRun.objects.filter(pk=finished.pk)
    if change == "new label":
        sign("normal")
    elif change == "new version":
        of_run.update(parent=None)
    else:
        of_run.update(**{"stop_requested": True} if change == "stopped run" else {"status": JobStatus.FAILED})

    assert queue_run(administrator, now, FINE_TUNE).number == 2


def test_the_page_counts_the_labels_by_source_view_and_sex(
    active_version: ModelVersion, sign: Sign, administrator: User
) -> None:
    for view, sex in (("PA", "F"), ("PA", "M"), ("AP", "F"), ("", "")):
        case = sign("normal").case
        Radiograph.objects.filter(case=case).update(view=view, sex=sex)

    page = logged_in(administrator).get(reverse("training:runs")).content.decode()

    counts = label_counts.preview_counts()
    assert counts["view"] == {"PA": 2, "AP": 1, "": 1}
    assert counts["sex"] == {"F": 2, "M": 1, "": 1}
    assert list(counts["source"].values()) == [4]
    assert "By sex" in page
    assert "female" in page
