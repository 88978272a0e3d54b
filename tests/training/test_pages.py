"""The pages of training: visible to administrators only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.training.models import Epoch, TrainingRun
from diagnostics.training.selectors import runs
from tests.training.conftest import logged_in

SignRequired = Callable[[], None]


@pytest.fixture
def run(active_version: ModelVersion, now: datetime) -> TrainingRun:
    return TrainingRun.objects.create(
        number=1,
        status=JobStatus.RUNNING,
        phase="training",
        parent=active_version,
        parameters={"recipe": "tiny-cnn", "epochs": 20, "batch_size": 32, "learning_rate": 0.001, "seed": 1},
        queued_at=now,
    )


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("runs", "get"),
        ("run", "get"),
        ("state", "get"),
        ("plot", "get"),
        ("start", "post"),
        ("stop", "post"),
        ("schedule", "post"),
    ],
)
def test_training_pages_are_closed_to_radiologists_and_anonymous_users(
    run: TrainingRun, radiologist: User, name: str, method: str
) -> None:
    arguments: dict[str, list[Any]] = {
        "run": [run.pk],
        "state": [run.pk],
        "stop": [run.pk],
        "plot": [run.pk, "curves"],
    }
    url = reverse(f"training:{name}", args=arguments.get(name))

    assert getattr(logged_in(radiologist), method)(url).status_code == 403
    assert getattr(Client(), method)(url)["Location"].startswith(reverse("accounts:login"))


def test_the_start_button_is_disabled_with_a_reason(
    active_version: ModelVersion, administrator: User
) -> None:
    page = logged_in(administrator).get(reverse("training:runs")).content.decode()

    assert "Too few findings" in page
    assert "requires 5 patients" in page
    assert 'disabled aria-describedby="blocking-reason"' in page


def test_an_administrator_starts_a_run_and_is_redirected_to_its_page(
    active_version: ModelVersion, sign_required: SignRequired, administrator: User
) -> None:
    sign_required()

    response = logged_in(administrator).post(reverse("training:start"), {"recipe": "tiny-cnn", "epochs": "3"})

    run = TrainingRun.objects.get()
    assert response["Location"] == reverse("training:run", args=[run.pk])
    assert (run.parameters["recipe"], run.parameters["epochs"]) == ("tiny-cnn", 3)


@pytest.mark.parametrize("epochs", ["0", "101", "many"])
def test_a_number_of_epochs_out_of_range_starts_no_run(
    active_version: ModelVersion, sign_required: SignRequired, administrator: User, epochs: str
) -> None:
    sign_required()

    response = logged_in(administrator).post(
        reverse("training:start"), {"recipe": "tiny-cnn", "epochs": epochs}
    )

    assert response.status_code == 400
    assert not TrainingRun.objects.exists()


def test_a_running_run_shows_its_progress_and_the_remaining_time(
    run: TrainingRun, administrator: User
) -> None:
    for number in (1, 2):
        Epoch.objects.create(
            run=run,
            number=number,
            planned_epochs=20,
            loss=1.0,
            accuracy=0.5,
            val_loss=1.0,
            val_accuracy=0.5,
            seconds=20.0,
        )

    response = logged_in(administrator).get(reverse("training:state", args=[run.pk]))

    assert response.status_code == 200
    assert "Epoch 2 of 20 completed" in response.content.decode()
    assert "about 6 min remaining" in response.content.decode()
    TrainingRun.objects.update(batch=3, batches=4)
    page = logged_in(administrator).get(reverse("training:state", args=[run.pk])).content.decode()
    assert "Epoch 3 of 20, batch 3 of 4" in page
    assert "about 6 min remaining" in page  # 17.25 epochs of 20 seconds
    assert "Stop training, keep best epoch" in response.content.decode()


def test_a_failed_run_shows_the_reason_and_stops_polling(run: TrainingRun, administrator: User) -> None:
    TrainingRun.objects.update(status=JobStatus.FAILED, failure_code="out_of_memory")

    response = logged_in(administrator).get(reverse("training:state", args=[run.pk]))

    assert response.status_code == 286
    assert "Choose a smaller batch size" in response.content.decode()


def test_an_administrator_stops_a_run(run: TrainingRun, administrator: User) -> None:
    logged_in(administrator).post(reverse("training:stop", args=[run.pk]))

    run.refresh_from_db()
    assert run.stop_requested


def test_the_schedule_is_saved_on_the_page(active_version: ModelVersion, administrator: User) -> None:
    data = {"enabled": "on", "every_days": "3", "at_hour": "4", "minimum_new_readings": "5"}

    response = logged_in(administrator).post(reverse("training:schedule"), data)

    plan = runs.schedule()
    assert response.status_code == 302
    assert (plan.enabled, plan.every_days, plan.at_hour, plan.minimum_new_readings) == (True, 3, 4, 5)


def test_only_the_plots_of_a_run_are_served(run: TrainingRun, administrator: User) -> None:
    folder = runs.folder(run)
    folder.mkdir(parents=True)
    (folder / "curves.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "secret.svg").write_text("<svg/>")
    client = logged_in(administrator)

    curves = client.get(reverse("training:plot", args=[run.pk, "curves"]))
    secret = client.get(reverse("training:plot", args=[run.pk, "secret"]))

    assert (curves.status_code, curves["Content-Type"]) == (200, "image/svg+xml")
    assert b"".join(curves.streaming_content).startswith(b"<svg")  # type: ignore[attr-defined]
    assert secret.status_code == 404


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"phase": "freezing"}, "Freezing the data set"),
        ({"phase": "comparing"}, "Comparing with the active version"),
        ({"phase": "trust-checks"}, "Running trust checks"),
        (
            {"phase": "trust-checks", "checks_done": 12, "checks_total": 29},
            "Running trust checks (12 of 29)",
        ),
        (
            {"phase": "trust-checks", "checks_done": 11, "checks_total": 29, "check_running": "B5"},
            "Running trust checks (12 of 29): Permuted labels",
        ),
        ({"phase": "training", "batch": 7, "batches": 31}, "Epoch 1 of 20, batch 7 of 31"),
    ],
)
def test_the_phase_of_a_running_run_is_shown(
    run: TrainingRun, administrator: User, columns: dict[str, Any], text: str
) -> None:
    TrainingRun.objects.update(**columns)

    page = logged_in(administrator).get(reverse("training:state", args=[run.pk])).content.decode()

    assert text in page


def test_a_page_without_training_labels_says_so(active_version: ModelVersion, administrator: User) -> None:
    page = logged_in(administrator).get(reverse("training:runs")).content.decode()

    assert page.count("No training labels yet.") == 3
    assert "Not stored for this version" not in page
