"""From signed readings to a candidate in force: a small network really learns from drawn radiographs."""

from __future__ import annotations

import hashlib
import io
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone
from PIL import Image
from pytest_django import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import radiograph_path
from diagnostics.cases.services import admission as cases
from diagnostics.imports.options import ImportOptions
from diagnostics.imports.services import import_control
from diagnostics.imports.services import scans as exchange
from diagnostics.imports.tasks import import_batch
from diagnostics.jobs.models import JobStatus
from diagnostics.registry import selectors as registry
from diagnostics.registry import services as registrar
from diagnostics.registry.models import ModelVersion
from diagnostics.review.services import readings as review
from diagnostics.training import pipeline
from diagnostics.training.models import Epoch, TrainingRun, Trigger
from diagnostics.training.policy import Parameters
from diagnostics.training.selectors import runs
from diagnostics.training.services import requeue, run_control
from ml.networks import bundle
from tests.radiographs import radiograph_grey
from tests.small_bundle import make_bundle
from tests.training.conftest import Sign

pytestmark = [pytest.mark.network, pytest.mark.django_db(transaction=True)]

WELL = 220  # first of the radiographs without a finding; from here no two of either kind look alike
LONG = Parameters.of("vgg16-finetune", epochs=100, batch_size=8)
FINE_TUNE = Parameters.of("vgg16-finetune", epochs=3, batch_size=8, learning_rate=0.003)


def radiograph(seed: int, *, ill: bool) -> bytes:
    """Draw a chest; an ill one has both lungs filled."""
    grey = radiograph_grey(seed, (96, 96))
    if ill:
        grey[24:72, 18:78] = 0.5 + grey[24:72, 18:78] / 2
    out = io.BytesIO()
    Image.fromarray((grey * 65535).round().astype(np.uint16)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def small_net(homes: Path, settings: Settings, now: datetime) -> ModelVersion:
    """Put a network in force that has learnt nothing."""
    settings.DEFAULT_BUNDLE = make_bundle(homes / "default")
    version = registrar.adopt_default(now=now)
    assert version is not None
    return version


@pytest.fixture
def signed(small_net: ModelVersion, sign: Sign) -> None:
    for seed in range(8):
        sign("covid-19", content=radiograph(seed, ill=True))
        sign("normal", content=radiograph(WELL + seed, ill=False))


def queued(by: User, now: datetime, parameters: Parameters = FINE_TUNE) -> TrainingRun:
    return run_control.start_run(by=by, parameters=parameters, trigger=Trigger.BUTTON, now=now)


def test_signed_radiographs_become_a_candidate_that_a_person_promotes(
    small_net: ModelVersion, technician: User, radiologist: User, administrator: User, now: datetime
) -> None:
    for seed in range(8):
        for finding, ill in (("covid-19", True), ("normal", False)):
            opened = cases.open_case(
                radiograph=radiograph(seed if ill else WELL + seed, ill=ill),
                patient_ref=f"{finding}-{seed}",
                by=technician,
                now=now,
            )
            review.sign_reading(case=opened.case, by=radiologist, finding=finding, now=now)
    run = queued(administrator, now)

    pipeline.train(run.pk)

    run.refresh_from_db()
    candidate = run.candidate
    assert (run.status, run.failure_text) == (JobStatus.DONE, "")
    assert candidate is not None
    assert (candidate.number, candidate.parent) == (2, small_net)
    assert candidate.verdict in {"accept", "inconclusive", "reject"}
    assert candidate.verdict_reason
    assert [epoch.number for epoch in run.epochs.all()] == [1, 2, 3]
    assert {"curves", "confusion", "roc"} == runs.pictures(run)
    assert AuditEvent.objects.get(action=Action.RUN_FINISHED).detail["candidate"] == 2
    assert registry.active_version() == small_net

    registrar.promote(
        version=candidate, by=administrator, reason="It has learnt something.", now=now, override=True
    )

    assert registry.active_version() == candidate
    assert bundle.verify(registry.bundle_path(candidate)).version == "v2"


def test_radiographs_of_an_imported_collection_become_a_candidate_too(
    small_net: ModelVersion, site: Site, administrator: User, now: datetime, homes: Path, settings: Settings
) -> None:
    settings.INCOMING = homes / "incoming"
    for seed in range(8):
        for folder, ill in (("covid", True), ("normal", False)):
            (homes / "ward" / folder).mkdir(parents=True, exist_ok=True)
            (homes / "ward" / folder / f"{seed}.png").write_bytes(
                radiograph(seed if ill else WELL + seed, ill=ill)
            )
    looked = exchange.scan_path(
        collection=homes / "ward", origin="ward", wishes=ImportOptions(), site=site, by=administrator, now=now
    )
    import_control.start_import(importing=looked, by=administrator, now=now)
    import_batch(str(looked.pk))
    run = queued(administrator, now)

    pipeline.train(run.pk)

    run.refresh_from_db()
    assert (run.status, run.failure_text) == (JobStatus.DONE, "")
    assert run.counts["imported"] == {"cases": 16}
    assert run.candidate is not None
    card = (registry.bundle_path(run.candidate) / bundle.CARD).read_text()
    assert "16 labels came with imported collections and were not read here" in card


def test_the_snapshot_is_named_by_its_hash_and_holds_no_patient_reference(
    signed: None, administrator: User, now: datetime
) -> None:
    run = queued(administrator, now)

    pipeline.train(run.pk)

    run.refresh_from_db()
    text = (runs.folder(run) / "snapshot.jsonl").read_bytes()
    rows = [json.loads(line) for line in text.splitlines()]
    assert run.snapshot_sha256 == hashlib.sha256(text).hexdigest()
    assert len(rows) == 16
    assert len({row["patient"] for row in rows}) == 16
    assert b"MRN" not in text
    total = sum(
        count["cases"] for part in ("train", "validation", "test") for count in run.counts[part].values()
    )
    assert total == 16


@contextmanager
def once_it_learns(run: TrainingRun, deed: Callable[[], object]) -> Iterator[None]:
    """Do something from another thread as soon as the run's first epoch is on record."""

    def watch() -> None:
        try:
            while not over.wait(0.02):
                if Epoch.objects.filter(run=run).exists():
                    deed()
                    return
        finally:
            connection.close()

    over = threading.Event()
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def test_a_run_asked_to_stop_keeps_the_best_epoch(signed: None, administrator: User, now: datetime) -> None:
    run = queued(administrator, now, LONG)

    with once_it_learns(run, lambda: run_control.stop_run(run=run, by=administrator, now=now)):
        pipeline.train(run.pk)

    run.refresh_from_db()
    assert (run.status, run.failure_text) == (JobStatus.DONE, "")
    assert 1 <= run.epochs.count() < 100
    assert run.candidate is not None


def test_a_run_stopped_before_its_first_epoch_fails_with_a_reason(
    signed: None, administrator: User, now: datetime
) -> None:
    run = queued(administrator, now)
    run_control.stop_run(run=run, by=administrator, now=now)

    pipeline.train(run.pk)

    run.refresh_from_db()
    assert (run.status, run.failure_code) == (JobStatus.FAILED, "stopped_without_result")
    assert ModelVersion.objects.count() == 1


def test_a_run_whose_radiographs_are_gone_says_so(signed: None, administrator: User, now: datetime) -> None:
    run = queued(administrator, now)
    for case in Case.objects.filter(readings__finding="normal"):
        radiograph_path(case.radiograph).unlink()

    pipeline.train(run.pk)

    run.refresh_from_db()
    assert (run.status, run.failure_code) == (JobStatus.FAILED, "data_damaged")
    assert AuditEvent.objects.get(action=Action.RUN_FAILED).detail["code"] == "data_damaged"


def test_a_worker_that_lost_its_run_keeps_nothing(signed: None, administrator: User, now: datetime) -> None:
    run = queued(administrator, now, LONG)

    with once_it_learns(run, lambda: TrainingRun.objects.filter(pk=run.pk).update(token=uuid4())):
        pipeline.train(run.pk)

    run.refresh_from_db()
    assert run.status == JobStatus.RUNNING
    assert ModelVersion.objects.count() == 1


class Killed(BaseException):
    """Ends a worker as no handler of ours foresees."""


@contextmanager
def killed_once_it_learns(run: TrainingRun, epochs: int) -> Iterator[None]:
    """Let the worker die as soon as so many epochs are on record."""

    def die(*_: object) -> None:
        raise Killed

    def kill() -> None:
        while Epoch.objects.filter(run=run).count() < epochs:
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, die)
    try:
        with pytest.raises(Killed), once_it_learns(run, kill):
            yield
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_run_whose_worker_died_goes_on_with_the_radiographs_and_epochs_it_had(
    signed: None, sign: Sign, administrator: User, now: datetime
) -> None:
    run = queued(administrator, now, Parameters.of("vgg16-finetune", epochs=40, batch_size=8))
    with killed_once_it_learns(run, epochs=2):
        pipeline.train(run.pk)
    run.refresh_from_db()
    shown = {epoch.number: epoch.seconds for epoch in run.epochs.all()}
    kept = len(list(runs.checkpoints(run).glob("*.npz")))
    assert run.status == JobStatus.RUNNING
    assert 2 <= len(shown) < 40
    assert kept in (1, 2)  # the newest two; the epoch just shown may not be among them
    amended = sign(
        "normal", content=radiograph(WELL + 50, ill=False)
    )  # signed after the radiographs were frozen
    snapshot_sha256 = run.snapshot_sha256

    requeue.requeue_lost(now=timezone.now() + timedelta(hours=1))
    pipeline.train(run.pk)

    run.refresh_from_db()
    assert (run.status, run.failure_text, run.attempts) == (JobStatus.DONE, "", 2)
    assert [epoch.number for epoch in run.epochs.all()] == list(range(1, 41))
    # An epoch learnt again would have taken another time; the last may have been shown and not yet kept.
    again = {epoch.number: epoch.seconds for epoch in run.epochs.all()}
    assert [again[number] for number in list(shown)[:-1]] == [shown[number] for number in list(shown)[:-1]]
    assert run.snapshot_sha256 == snapshot_sha256
    assert str(amended.pk) not in (runs.folder(run) / "snapshot.jsonl").read_text()
    assert not runs.checkpoints(run).exists()


def test_a_run_whose_worker_died_and_that_is_stopped_keeps_its_best_epoch(
    signed: None, administrator: User, now: datetime
) -> None:
    run = queued(administrator, now, LONG)
    with killed_once_it_learns(run, epochs=2):
        pipeline.train(run.pk)
    run_control.stop_run(run=run, by=administrator, now=now)

    requeue.requeue_lost(now=timezone.now() + timedelta(hours=1))
    pipeline.train(run.pk)

    run.refresh_from_db()
    assert (run.status, run.failure_text) == (JobStatus.DONE, "")
    assert 1 <= run.epochs.count() < 100
    assert run.candidate is not None
    assert not runs.checkpoints(run).exists()


def test_a_radiograph_that_is_damaged_or_shown_under_two_findings_is_left_out_and_counted(
    signed: None, sign: Sign, administrator: User, now: datetime
) -> None:
    sign("normal", content=radiograph(WELL + 50, ill=False)[:400])
    sign("covid-19", content=radiograph(WELL + 60, ill=False))
    sign("normal", content=radiograph(WELL + 60, ill=False))
    run = queued(administrator, now)

    pipeline.train(run.pk)

    run.refresh_from_db()
    assert run.status == JobStatus.DONE
    assert run.counts["left_out"] == {
        "damaged": {"cases": 1, "patients": 1},
        "the same picture carries another finding": {"cases": 2, "patients": 2},
    }


def test_a_lost_run_is_queued_again_and_ends_well_from_the_start(
    signed: None, administrator: User, now: datetime
) -> None:
    run = queued(administrator, now)
    token = TrainingRun.claim(run.pk, worker="dead", lease=timedelta(minutes=5), now=now)
    assert token is not None
    Epoch.objects.create(run=run, number=1, of=3, loss=1, accuracy=0, val_loss=1, val_accuracy=0, seconds=1)

    requeue.requeue_lost(now=now + timedelta(minutes=6))
    pipeline.train(run.pk)
    pipeline.train(run.pk)  # the message came twice

    run.refresh_from_db()
    assert (run.status, run.attempts) == (JobStatus.DONE, 2)
    assert run.epochs.count() == 3
    assert ModelVersion.objects.count() == 2
