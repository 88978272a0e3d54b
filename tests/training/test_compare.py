"""Two runs side by side: curves, results and settings."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.training.models import Epoch, TrainingRun
from tests.training.conftest import logged_in


def finished_run(
    number: int, losses: list[float], version: ModelVersion, now: datetime, recipe: str
) -> TrainingRun:
    run = TrainingRun.objects.create(
        number=number,
        status=JobStatus.DONE,
        queued_at=now,
        parent=version,
        parameters={
            "recipe": recipe,
            "epochs": len(losses),
            "batch_size": 8,
            "learning_rate": 0.01,
            "seed": 1,
        },
    )
    for epoch, loss in enumerate(losses, start=1):
        Epoch.objects.create(
            run=run,
            number=epoch,
            planned_epochs=len(losses),
            loss=loss,
            accuracy=0.5,
            val_loss=loss,
            val_accuracy=0.25 * epoch,
            seconds=1.0,
        )
    return run


@pytest.fixture
def two_runs(active_version: ModelVersion, now: datetime) -> tuple[TrainingRun, TrainingRun]:
    return (
        finished_run(1, [2.0, 1.0], active_version, now, "tiny-cnn"),
        finished_run(2, [1.0, 0.5, 0.25], active_version, now, "scratch-cnn"),
    )


def test_both_curves_share_their_axes(two_runs: tuple[TrainingRun, TrainingRun], administrator: User) -> None:
    first, second = two_runs

    page = compare(administrator, first, second)

    # Epochs 1 to 3 at 40, 230 and 420; losses 0 to 2 at 168 to 8.
    assert re.findall(r'class="model-line model-series-(\w+)" d="([^"]+)"', page)[:2] == [
        ("candidate", "M40.0 8.0L230.0 88.0"),
        ("active", "M40.0 88.0L230.0 128.0L420.0 148.0"),
    ]


def test_what_differs_is_marked(two_runs: tuple[TrainingRun, TrainingRun], administrator: User) -> None:
    page = compare(administrator, *two_runs)

    rows = {
        re.sub(r"\s+", " ", match[2]).strip(): bool(match[1])
        for match in re.finditer(r'<tr( class="train-differs")?>\s*<th scope="row">(.*?)</th>', page, re.S)
    }
    assert rows["Recipe"]
    assert rows["Planned epochs"]
    assert rows["Best accuracy, validation set"]
    assert not rows["Seed"]
    assert "0.500" in page  # of the first run
    assert "0.750" in page


def test_the_page_asks_for_two_runs_and_is_linked(
    two_runs: tuple[TrainingRun, TrainingRun], administrator: User
) -> None:
    client = logged_in(administrator)

    assert "Choose two runs." in client.get(reverse("training:compare")).content.decode()
    link = f"{reverse('training:compare')}?b={two_runs[1].pk}&amp;a={two_runs[0].pk}"
    assert link in client.get(reverse("training:runs")).content.decode()


def test_the_comparison_is_closed_to_radiologists(
    two_runs: tuple[TrainingRun, TrainingRun], radiologist: User
) -> None:
    assert logged_in(radiologist).get(reverse("training:compare")).status_code == 403
    assert Client().get(reverse("training:compare")).status_code == 302


def compare(user: User, first: TrainingRun, second: TrainingRun) -> str:
    url = reverse("training:compare")
    return logged_in(user).get(url, {"a": str(first.pk), "b": str(second.pk)}).content.decode()
