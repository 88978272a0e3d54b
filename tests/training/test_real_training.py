"""Two real trainings of a small network on drawn radiographs: a complete run, and one resumed after a kill.

The complete run also checks that the fake trainer of the other tests has the contract of the real one.
"""

from __future__ import annotations

import inspect
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.services import admission as cases
from diagnostics.jobs.models import JobStatus
from diagnostics.registry import promotion_gate, trust_report
from diagnostics.registry import selectors as registry
from diagnostics.registry import services as registry_services
from diagnostics.registry.errors import GateNotPassed, SecondPersonRequired
from diagnostics.registry.models import ModelVersion
from diagnostics.review.services import readings
from diagnostics.training import pipeline
from diagnostics.training.models import Epoch, TrainingRun
from diagnostics.training.policy import Parameters
from diagnostics.training.selectors import runs
from diagnostics.training.services import requeue
from ml.networks import bundle
from ml.records import EpochReport, Manifest
from tests.conftest import create_user
from tests.small_bundle import make_bundle
from tests.training.conftest import NORMAL_SEED, Sign, drawn_radiograph, queue_run, sign_two_findings
from tests.training.fake_trainer import FakeTrainer, no_usable_network

# The drawn opacities make a radiograph brighter, which the header probe recognises.
DRAWN = "Drawn radiographs whose class is visible in the mean grey value."

pytestmark = [pytest.mark.network, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def small_network(data_folders: Path, settings: Settings, now: datetime) -> ModelVersion:
    """Activate an untrained network."""
    settings.DEFAULT_BUNDLE = make_bundle(data_folders / "default")
    version = registry_services.adopt_default(now=now)
    assert version is not None
    return version


@pytest.fixture
def other_administrator(site: Site) -> User:
    return create_user("other-administrator", Role.ADMINISTRATOR, site)


@dataclass
class RecordedTrainer:
    """Calls a trainer and records its arguments, its callbacks and its bundle."""

    trainer: Callable[..., Manifest]
    calls: list[str] = field(default_factory=list)
    reports: list[EpochReport] = field(default_factory=list)
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    manifest: Manifest | None = None

    def __call__(self, *arguments: Any, **options: Any) -> Manifest:
        self.arguments, self.options = arguments, options
        recorded = options | {
            "on_begin": self._recording("on_begin", options["on_begin"]),
            "on_epoch": self._recording("on_epoch", options["on_epoch"]),
        }
        self.manifest = self.trainer(*arguments, **recorded)
        self.files = {path.name for path in options["out"].iterdir()}
        return self.manifest

    def _recording(self, name: str, callback: Callable[[Any], None]) -> Callable[[Any], None]:
        def record(value: Any) -> None:
            self.calls.append(name)
            if isinstance(value, EpochReport):
                self.reports.append(value)
            callback(value)

        return record


def test_signed_radiographs_become_a_candidate_that_an_administrator_promotes(
    small_network: ModelVersion,
    technician: User,
    radiologist: User,
    administrator: User,
    other_administrator: User,
    now: datetime,
    tmp_path: Path,
) -> None:
    from ml.training import trainer

    upload_and_sign(technician, radiologist, now)
    run = queue_run(administrator, now, leak_reason=DRAWN)
    recorded = RecordedTrainer(trainer.train)

    pipeline.train(run.pk, trainer=recorded)

    run.refresh_from_db()
    candidate = run.candidate
    assert (run.status, run.failure_text) == (JobStatus.DONE, "")
    assert candidate is not None
    assert (candidate.number, candidate.parent) == (2, small_network)
    assert candidate.verdict in {"accept", "inconclusive", "reject"}
    assert candidate.verdict_reason
    assert [epoch.number for epoch in run.epochs.all()] == [1, 2, 3]
    assert runs.available_plots(run) == {"curves", "confusion", "roc"}
    assert trust_report.read_report(registry.bundle_path(candidate)) is not None
    assert AuditEvent.objects.get(action=Action.RUN_FINISHED).detail["candidate"] == 2
    assert registry.active_version() == small_network

    promote_in_spite_of_the_gate(candidate, administrator, other_administrator, now)

    assert registry.active_version() == candidate
    assert bundle.verify(registry.bundle_path(candidate)).version == "v2"
    assert_fake_has_the_contract_of(recorded, trainer.train, small_network, tmp_path / "fake")


def promote_in_spite_of_the_gate(
    candidate: ModelVersion, requester: User, approver: User, now: datetime
) -> None:
    names = promotion_gate.gate_of(candidate).to_acknowledge
    assert {"counts", "B4"} <= set(names)  # four test radiographs of one source
    approve = partial(registry_services.promote, version=candidate, reason="Trained on ours.", now=now)
    with pytest.raises(GateNotPassed):
        approve(by=approver)
    with pytest.raises(SecondPersonRequired):
        approve(by=requester, override=True, acknowledged=names)
    approve(by=approver, override=True, acknowledged=names)


def upload_and_sign(technician: User, radiologist: User, now: datetime) -> None:
    for seed in range(8):
        for finding, opacity in (("covid-19", True), ("normal", False)):
            admitted = cases.open_case(
                radiograph=drawn_radiograph(seed if opacity else NORMAL_SEED + seed, opacity=opacity),
                patient_ref=f"{finding}-{seed}",
                by=technician,
                now=now,
            )
            readings.sign_reading(case=admitted.case, by=radiologist, finding=finding, now=now)


def assert_fake_has_the_contract_of(
    real: RecordedTrainer, train: Callable[..., Manifest], active: ModelVersion, folder: Path
) -> None:
    """Call the fake trainer with the arguments of the real one and compare callbacks, errors and files."""
    harmless: dict[str, Any] = {"on_begin": lambda _epochs: None, "on_epoch": lambda _report: None}
    harmless["on_batch"] = lambda _done, _total: None
    options = real.options | harmless | {"should_stop": lambda: False, "checkpoints": folder / "checkpoints"}
    options |= {"start_from": registry.bundle_path(active), "out": folder / "bundle"}
    fake = RecordedTrainer(FakeTrainer())
    fake(*real.arguments, **options)

    assert real.manifest is not None
    assert fake.manifest is not None
    parameters = [list(inspect.signature(each).parameters.values()) for each in (train, FakeTrainer())]
    assert [(p.name, p.kind, p.default is p.empty) for p in parameters[0]] == [
        (p.name, p.kind, p.default is p.empty) for p in parameters[1]
    ]
    assert fake.calls == real.calls == ["on_begin", "on_epoch", "on_epoch", "on_epoch"]
    assert [(r.epoch, r.epochs) for r in fake.reports] == [(r.epoch, r.epochs) for r in real.reports]
    assert fake.files <= real.files
    assert bundle.verify(folder / "bundle") == fake.manifest
    assert fake.manifest.architecture == real.manifest.architecture
    assert fake.manifest.parent == real.manifest.parent
    assert fake.manifest.training["counts"] == real.manifest.training["counts"]
    assert set(fake.manifest.training) <= set(real.manifest.training)
    stopped = options | {"should_stop": lambda: True, "checkpoints": None, "out": folder / "stopped"}
    for each in (train, FakeTrainer()):
        with pytest.raises(type(no_usable_network())):
            each(*real.arguments, **stopped)
        assert not (folder / "stopped" / bundle.MANIFEST).exists()


class Killed(BaseException):
    """Ends the worker; no handler of the application catches it."""


@contextmanager
def after_epochs(run: TrainingRun, epochs: int, action: Callable[[], object]) -> Iterator[None]:
    """Call a function from another thread as soon as the given number of epochs is stored."""

    def watch() -> None:
        try:
            while not ended.wait(0.01):
                if Epoch.objects.filter(run=run).count() >= epochs:
                    action()
                    return
        finally:
            connection.close()

    ended = threading.Event()
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


@contextmanager
def killed_after(run: TrainingRun, epochs: int) -> Iterator[None]:
    """Kill the worker, at an arbitrary instruction, after the given number of epochs."""

    def die(*_: object) -> None:
        raise Killed

    def kill() -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, die)
    try:
        with pytest.raises(Killed), after_epochs(run, epochs, kill):
            yield
    finally:
        signal.signal(signal.SIGUSR1, before)


# The kill may come between the opening of a file and its `with`; a process that is killed closes its files.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <_io:pytest.PytestUnraisableExceptionWarning")
def test_a_run_whose_worker_died_resumes_with_its_radiographs_and_epochs(
    small_network: ModelVersion, sign: Sign, administrator: User, now: datetime
) -> None:
    sign_two_findings(sign)
    parameters = Parameters.of("vgg16-finetune", epochs=40, batch_size=8)
    run = queue_run(administrator, now, parameters, leak_reason=DRAWN)
    with killed_after(run, epochs=2):
        pipeline.train(run.pk)
    run.refresh_from_db()
    before = {epoch.number: epoch.seconds for epoch in run.epochs.all()}
    assert run.status == JobStatus.RUNNING
    assert 2 <= len(before) < 40
    assert len(list(runs.checkpoints(run).glob("*.npz"))) in (1, 2)  # the newest two, without the last epoch
    later = sign("normal", content=drawn_radiograph(NORMAL_SEED + 50, opacity=False))  # after the snapshot
    snapshot_sha256 = run.snapshot_sha256

    requeue.requeue_lost(now=timezone.now() + timedelta(seconds=25))
    pipeline.train(run.pk)

    run.refresh_from_db()
    assert (run.status, run.failure_text, run.attempts) == (JobStatus.DONE, "", 2)
    assert [epoch.number for epoch in run.epochs.all()] == list(range(1, 41))
    # A repeated epoch has another duration; the last one may have been reported but not checkpointed.
    after = {epoch.number: epoch.seconds for epoch in run.epochs.all()}
    completed = list(before)[:-1]
    assert [after[number] for number in completed] == [before[number] for number in completed]
    assert run.snapshot_sha256 == snapshot_sha256
    assert str(later.pk) not in (runs.folder(run) / "snapshot.jsonl").read_text()
    assert not runs.checkpoints(run).exists()
