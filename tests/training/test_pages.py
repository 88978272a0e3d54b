"""The pages of training: for administrators, and for nobody else."""

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

Enough = Callable[[], None]


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def run(active_version: ModelVersion, now: datetime) -> TrainingRun:
    return TrainingRun.objects.create(
        number=1,
        status=JobStatus.RUNNING,
        phase="learning",
        parent=active_version,
        parameters={"preset": "tiny-cnn", "epochs": 20, "batch_size": 32, "learning_rate": 0.001, "seed": 1},
        queued_at=now,
    )


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("runs", "get"),
        ("run", "get"),
        ("state", "get"),
        ("picture", "get"),
        ("start", "post"),
        ("stop", "post"),
        ("schedule", "post"),
    ],
)
def test_no_door_of_training_opens_to_a_radiologist_or_a_stranger(
    run: TrainingRun, radiologist: User, name: str, method: str
) -> None:
    of_a_run: dict[str, list[Any]] = {
        "run": [run.pk],
        "state": [run.pk],
        "stop": [run.pk],
        "picture": [run.pk, "curves"],
    }
    address = reverse(f"training:{name}", args=of_a_run.get(name))

    assert getattr(logged_in(radiologist), method)(address).status_code == 403
    assert getattr(Client(), method)(address)["Location"].startswith(reverse("accounts:login"))


def test_the_start_button_is_closed_with_its_reason(
    active_version: ModelVersion, administrator: User
) -> None:
    page = logged_in(administrator).get(reverse("training:runs")).content.decode()

    assert "Too few findings" in page
    assert "needs 5 patients" in page
    assert 'disabled aria-describedby="why"' in page


def test_an_administrator_starts_a_run_and_lands_on_its_page(
    active_version: ModelVersion, enough: Enough, administrator: User
) -> None:
    enough()

    answer = logged_in(administrator).post(reverse("training:start"), {"preset": "tiny-cnn", "epochs": "3"})

    run = TrainingRun.objects.get()
    assert answer["Location"] == reverse("training:run", args=[run.pk])
    assert (run.parameters["preset"], run.parameters["epochs"]) == ("tiny-cnn", 3)


@pytest.mark.parametrize("epochs", ["0", "101", "many"])
def test_a_number_of_passes_out_of_range_starts_nothing(
    active_version: ModelVersion, enough: Enough, administrator: User, epochs: str
) -> None:
    enough()

    answer = logged_in(administrator).post(
        reverse("training:start"), {"preset": "tiny-cnn", "epochs": epochs}
    )

    assert answer.status_code == 400
    assert not TrainingRun.objects.exists()


def test_a_running_run_says_how_far_it_is_and_what_is_left(run: TrainingRun, administrator: User) -> None:
    for number in (1, 2):
        Epoch.objects.create(
            run=run,
            number=number,
            of=20,
            loss=1.0,
            accuracy=0.5,
            val_loss=1.0,
            val_accuracy=0.5,
            seconds=20.0,
        )

    answer = logged_in(administrator).get(reverse("training:state", args=[run.pk]))

    assert answer.status_code == 200
    assert "Epoch 2 of 20 is done" in answer.content.decode()
    assert "about 6 min left" in answer.content.decode()
    assert "Stop, keep the best" in answer.content.decode()


def test_a_failed_run_says_why_and_what_to_do_and_is_asked_no_more(
    run: TrainingRun, administrator: User
) -> None:
    TrainingRun.objects.update(status=JobStatus.FAILED, failure_code="out_of_memory")

    answer = logged_in(administrator).get(reverse("training:state", args=[run.pk]))

    assert answer.status_code == 286
    assert "Choose a smaller batch" in answer.content.decode()


def test_an_administrator_stops_a_run(run: TrainingRun, administrator: User) -> None:
    logged_in(administrator).post(reverse("training:stop", args=[run.pk]))

    run.refresh_from_db()
    assert run.stop_requested


def test_the_schedule_is_set_on_the_page(active_version: ModelVersion, administrator: User) -> None:
    wanted = {"enabled": "on", "every_days": "3", "at_hour": "4", "minimum_new_readings": "5"}

    answer = logged_in(administrator).post(reverse("training:schedule"), wanted)

    plan = runs.schedule()
    assert answer.status_code == 302
    assert (plan.enabled, plan.every_days, plan.at_hour, plan.minimum_new_readings) == (True, 3, 4, 5)


def test_only_a_runs_own_pictures_are_served(run: TrainingRun, administrator: User) -> None:
    folder = runs.folder(run)
    folder.mkdir(parents=True)
    (folder / "curves.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "secret.svg").write_text("<svg/>")
    client = logged_in(administrator)

    curves = client.get(reverse("training:picture", args=[run.pk, "curves"]))
    secret = client.get(reverse("training:picture", args=[run.pk, "secret"]))

    assert (curves.status_code, curves["Content-Type"]) == (200, "image/svg+xml")
    assert b"".join(curves.streaming_content).startswith(b"<svg")  # type: ignore[attr-defined]
    assert secret.status_code == 404
