"""What the worker does with one run: claim, freeze, train, compare, keep."""

from __future__ import annotations

import logging
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import OperationalError, transaction
from django.utils import timezone

from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.jobs.errors import JobError, LeaseLost
from diagnostics.jobs.lease import Clock, Lease
from diagnostics.registry import selectors as registry
from diagnostics.registry import services as registrar
from diagnostics.registry.models import ModelVersion
from diagnostics.training import errors, promotion_gate, snapshot
from diagnostics.training.models import Epoch, TrainingRun
from diagnostics.training.policy import Parameters
from diagnostics.training.presenters import model_card
from diagnostics.training.promotion_gate import GateVerdict
from diagnostics.training.selectors import labels, runs
from diagnostics.training.snapshot import SnapshotEntry
from ml.datasets import near_duplicates, patient_split
from ml.datasets.patient_split import Split
from ml.networks import bundle
from ml.records import EpochReport

if TYPE_CHECKING:
    from ml.metrics.evaluation_result import Evaluation

BUNDLE: Final = "bundle"
CURVES: Final = "curves.svg"
GOES_ON: Final = frozenset({snapshot.FILE, runs.CHECKPOINTS, CURVES})  # what another attempt takes over

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunContext:
    """One claimed run with everything its steps need."""

    run: TrainingRun
    lease: Lease
    folder: Path
    clock: Clock

    def phase(self, words: str) -> None:
        """Say on the run's page what goes on now; raises LeaseLost."""
        self.lease.check()
        TrainingRun.objects.filter(pk=self.run.pk, token=self.lease.token).update(phase=words)


def train(run_id: uuid.UUID, *, clock: Clock = timezone.now) -> None:
    """Make a candidate of one queued run; does nothing when another worker has taken it."""
    lease = Lease.claim(TrainingRun, run_id, duration=settings.TRAINING_LEASE, clock=clock)
    if lease is None:
        return
    run = TrainingRun.objects.select_related("parent").get(pk=run_id)
    with lease.heartbeat():
        work = RunContext(run, lease, runs.folder(run), clock)
        try:
            _work(work)
        except LeaseLost:
            logger.warning("training run %s was taken away; nothing of this attempt is kept", run_id)
        except OperationalError:
            logger.warning("the database is away: training run %s comes back when its lease ends", run_id)
        except Exception as error:
            _fail(work, errors.run_failure_code(error))


def _work(work: RunContext) -> None:
    _clear(work)
    version = work.run.parent or registry.active_version()
    if version is None:
        raise JobError("no_active_version")
    split = _freeze(work)
    _learn(work, split, registry.bundle_path(version))
    gate_verdict, measured = _compare(work, split)
    _examine(work, split)
    _describe(work, gate_verdict, measured)
    _keep(work, gate_verdict, measured, version)


def _clear(work: RunContext) -> None:
    """Begin from nothing, or from what an attempt whose worker died has frozen and learnt."""
    work.folder.mkdir(parents=True, exist_ok=True)
    for left in work.folder.iterdir():
        if work.run.attempts > 1 and left.name in GOES_ON:
            continue
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()


def _freeze(work: RunContext) -> Split:
    work.phase("freezing")
    found = _found(work)
    present = [radiograph for radiograph in found if radiograph.path.is_file()]
    text = snapshot.lines(present, secret=settings.SECRET_KEY)
    sha256 = snapshot.freeze(work.folder, text)
    radiographs = snapshot.labelled(present, secret=settings.SECRET_KEY)
    looks = near_duplicates.find_near_duplicates(radiographs)
    try:
        split = patient_split.split_by_patient(radiographs, seed=_parameters(work).seed, looks=looks)
    except patient_split.TooFewCases as few:
        all_there = len(present) == len(found) and not looks.unreadable
        raise JobError("too_few_cases" if all_there else "data_damaged") from few
    left_out = promotion_gate.left_out(split.left_out, missing=len(found) - len(present))
    if (disagreeing := labels.conflicting())["cases"]:
        left_out[labels.CONFLICTING_LABELS] = disagreeing
    imported = {"cases": sum(radiograph.imported for radiograph in present)}
    TrainingRun.objects.filter(pk=work.run.pk, token=work.lease.token).update(
        snapshot_sha256=sha256, counts=split.counts() | {"left_out": left_out, "imported": imported}
    )
    return split


def _found(work: RunContext) -> list[SnapshotEntry]:
    """Give the radiographs with the findings of now; in a further attempt those that the first has frozen."""
    frozen = snapshot.labels(work.folder, sha256=work.run.snapshot_sha256)
    return list(labels.labelled_radiographs() if frozen is None else labels.labelled_radiographs_of(frozen))


def _learn(work: RunContext, split: Split, start_from: Path) -> None:
    from ml.training import trainer  # TensorFlow, in the worker's child alone

    work.phase("learning")
    curves = _Curves(work)
    try:
        trainer.train(
            split,
            _parameters(work).spec(),
            start_from=start_from,
            out=work.folder / BUNDLE,
            on_epoch=curves.add,
            should_stop=work.lease.should_stop,
            checkpoints=runs.checkpoints(work.run),
            on_begin=curves.begin,
        )
    except trainer.NoUsableNetwork as nothing:
        work.lease.check()  # a stop because of a lost lease is no failure of the run
        raise JobError(
            "stopped_without_result" if work.lease.stop_requested else "no_usable_network"
        ) from nothing


class _Curves:
    """Keeps each epoch as a row and as a picture."""

    def __init__(self, work: RunContext) -> None:
        self._work = work
        self._reports: list[EpochReport] = []

    def begin(self, reports: Sequence[EpochReport]) -> None:
        """Show the epochs that an earlier attempt has completed, each once, and no other."""
        self._work.lease.check()
        self._reports = list(reports)
        with transaction.atomic():
            Epoch.objects.filter(run=self._work.run).delete()
            Epoch.objects.bulk_create(self._row(report) for report in reports)

    def add(self, report: EpochReport) -> None:
        """Show one more epoch."""
        from ml.metrics import plots

        self._work.lease.check()
        self._reports.append(report)
        _write(self._work.folder / CURVES, plots.curves_svg(self._reports))
        self._row(report).save()

    def _row(self, report: EpochReport) -> Epoch:
        return Epoch(
            run=self._work.run,
            number=report.epoch,
            of=report.epochs,
            loss=report.loss,
            accuracy=report.accuracy,
            val_loss=report.val_loss,
            val_accuracy=report.val_accuracy,
            seconds=report.seconds,
        )


def _compare(work: RunContext, split: Split) -> tuple[GateVerdict, Evaluation]:
    from ml.metrics import evaluation, plots

    work.phase("comparing")
    candidate = evaluation.evaluate(work.folder / BUNDLE, split.test)
    version, rival = registry.active_version(), None
    if version is not None:
        work.lease.check()
        rival = evaluation.evaluate(registry.bundle_path(version), split.test)
    _write(work.folder / "confusion.svg", plots.confusion_svg(candidate))
    _write(work.folder / "roc.svg", plots.roc_svg(candidate, rival))
    if rival is None:
        return promotion_gate.NO_COMPARISON, candidate
    comparison = evaluation.compare(candidate, rival).to_json()
    return promotion_gate.judge(comparison, knows=candidate.classes, must_know=rival.classes), candidate


def _examine(work: RunContext, split: Split) -> None:
    """Ask what the candidate's figures are worth, and lay the trust report into its bundle."""
    from ml.trust import run as trust

    work.phase("examining")
    findings = trust.run_checks(work.folder / BUNDLE, split, on_check=lambda _check: work.lease.check())
    trust.write(findings, work.folder / BUNDLE)


def _describe(work: RunContext, gate_verdict: GateVerdict, measured: Evaluation) -> None:
    run = TrainingRun.objects.get(pk=work.run.pk)  # with the counts of this attempt
    manifest = bundle.read_manifest(work.folder / BUNDLE)
    text = model_card.write(run, manifest, measured.summary(), gate_verdict)
    (work.folder / BUNDLE / bundle.CARD).write_text(text, encoding="utf-8")


def _keep(work: RunContext, gate_verdict: GateVerdict, measured: Evaluation, version: ModelVersion) -> None:
    now = work.clock()
    manifest = bundle.read_manifest(work.folder / BUNDLE)
    with transaction.atomic():
        candidate = registrar.register_candidate(
            bundle=work.folder / BUNDLE,
            comparison=gate_verdict.comparison,
            verdict=gate_verdict.verdict,
            verdict_reason=gate_verdict.reason,
            metrics={"test": measured.summary()},
            parent=version if manifest.parent else None,  # empty when it learnt from the beginning
            by=work.run.started_by,
            now=now,
        )
        if not TrainingRun.finish(
            work.run.pk, token=work.lease.token, now=now, candidate=candidate, phase=""
        ):
            raise LeaseLost  # takes the registration back as well
        detail = {"number": work.run.number, "candidate": candidate.number, "verdict": gate_verdict.verdict}
        audit.record(action=Action.RUN_FINISHED, by=None, target=work.run, detail=detail, now=now)
    shutil.rmtree(work.folder / BUNDLE, ignore_errors=True)  # the registry has its own copy
    _drop_checkpoints(work)


@transaction.atomic
def _fail(work: RunContext, code: str) -> None:
    logger.error("training run %s failed: %s", work.run.pk, code, exc_info=True)
    now = work.clock()
    text = errors.failure_text(code)
    if TrainingRun.fail(work.run.pk, token=work.lease.token, code=code, text=text, now=now):
        detail = {"number": work.run.number, "code": code}
        audit.record(action=Action.RUN_FAILED, by=None, target=work.run, detail=detail, now=now)
        transaction.on_commit(partial(_drop_checkpoints, work))


def _drop_checkpoints(work: RunContext) -> None:
    shutil.rmtree(runs.checkpoints(work.run), ignore_errors=True)  # hundreds of megabytes


def _parameters(work: RunContext) -> Parameters:
    return Parameters(**work.run.parameters)


def _write(path: Path, svg: str) -> None:
    draft = path.with_suffix(".tmp")
    draft.write_text(svg, encoding="utf-8")
    draft.replace(path)
