"""The worker's steps for one run: claim, freeze the data set, train, compare, check trust, register."""

from __future__ import annotations

import logging
import shutil
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F
from django.utils import timezone

from diagnostics import disk
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import storage
from diagnostics.jobs import storage_wait
from diagnostics.jobs.errors import JobError, LeaseLost, WorkerStopping
from diagnostics.jobs.lease import Clock, Lease
from diagnostics.registry import selectors as registry
from diagnostics.registry import services as registry_services
from diagnostics.registry import trust_report
from diagnostics.registry.models import ModelVersion
from diagnostics.training import data_set, errors, model_card, promotion_gate, snapshot, snapshot_index
from diagnostics.training.epoch_log import CURVES, BatchProgress, EpochLog, write_plot
from diagnostics.training.leak_texts import failed_names
from diagnostics.training.models import UNSTARTED, Phase, TrainingRun
from diagnostics.training.promotion_gate import GateVerdict
from diagnostics.training.run_context import (
    Evaluator,
    LeakChecker,
    RunContext,
    Trainer,
    TrustReporter,
)
from diagnostics.training.selectors import runs
from ml.datasets.patient_split import Split
from ml.inference import engine_cache
from ml.metrics.comparison import compare
from ml.metrics.curves import summary_with_curves
from ml.networks import bundle
from ml.records import LabelledImage, Manifest
from ml.training.errors import NoUsableNetwork

if TYPE_CHECKING:
    from ml.metrics.evaluation_result import Evaluation
    from ml.trust.leak_checks import LeakReport

# The files that a second attempt reuses.
RESUMABLE: Final = frozenset({snapshot.FILE, runs.CHECKPOINTS, CURVES})

logger = logging.getLogger(__name__)


def train(
    run_id: uuid.UUID,
    *,
    clock: Clock = timezone.now,
    trainer: Trainer | None = None,
    evaluator: Evaluator | None = None,
    trust: TrustReporter | None = None,
    leaks: LeakChecker | None = None,
) -> None:
    """Train and register the candidate of a queued run; do nothing when another worker has claimed it.

    `trainer`, `evaluator` and `trust` run the networks, `leaks` searches the radiographs for leaks; their
    defaults are those of `ml`.
    """
    if storage_wait.must_wait(TrainingRun, run_id, clock=clock):
        return
    lease = Lease.claim(TrainingRun, run_id, duration=settings.TRAINING_LEASE, clock=clock)
    if lease is None:
        return
    run = TrainingRun.objects.select_related("parent").get(pk=run_id)
    with lease.heartbeat():
        networks = (trainer or _train_network, evaluator or _evaluate, trust or _write_trust_report)
        context = RunContext(run, lease, runs.folder(run), clock, *networks, leaks or _check_for_leaks)
        try:
            _run(context)
            storage.discard_copies()
        except WorkerStopping:
            logger.warning("the worker stops: training run %s is released and resumes later", run_id)
        except LeaseLost:
            logger.warning("training run %s lost its lease; this attempt stores nothing", run_id)
        except (OperationalError, InterfaceError):
            logger.warning("the database is unavailable: training run %s is requeued later", run_id)
        except Exception as error:
            _wait_or_fail(context, error)


def _wait_or_fail(context: RunContext, error: Exception) -> None:
    storage.discard_copies()
    if disk.is_full(error):  # the checkpoints stay for the next attempt
        storage_wait.requeue(context.lease, TrainingRun, **UNSTARTED)
    else:
        _fail(context, errors.run_failure_code(error))


def _run(context: RunContext) -> None:
    _clear(context)
    version = context.run.parent or registry.active_version()
    if version is None:
        raise JobError("no_active_version")
    split = data_set.freeze(context, version)
    _train(context, split, registry.bundle_path(version))
    verdict, evaluation = _compare(context, split)
    _check_trust(context, split)
    verdict = _judge_trust(context, verdict, version)
    verdict = _judge_reproduction(context, verdict)
    _write_model_card(context, verdict, evaluation)
    _register(context, verdict, evaluation, version)
    snapshot_index.store_figures(context.run, now=context.clock())


def _clear(context: RunContext) -> None:
    """Remove the files of an earlier attempt, except those that a further attempt reuses."""
    context.folder.mkdir(parents=True, exist_ok=True)
    for path in context.folder.iterdir():
        if context.run.attempts > 1 and path.name in RESUMABLE:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _train(context: RunContext, split: Split, start_from: Path) -> None:
    context.update(phase=Phase.TRAINING)
    epochs = EpochLog(context.run, context.folder, check_lease=context.lease.check)
    try:
        context.trainer(
            split,
            context.parameters.spec(),
            start_from=start_from,
            out=context.bundle,
            on_epoch=epochs.add,
            should_stop=partial(_should_stop, context.lease),
            checkpoints=runs.checkpoints(context.run),
            on_begin=epochs.begin,
            on_batch=BatchProgress(context.update),
        )
    except NoUsableNetwork as error:
        context.lease.check()  # a stop because of a lost lease is not a failure of the run
        stopped = context.lease.stop_requested
        raise JobError("stopped_without_result" if stopped else "no_usable_network") from error


def _should_stop(lease: Lease) -> bool:
    """Return whether a user requested a stop; raises LeaseLost, so that a lost attempt writes no bundle."""
    stop = lease.should_stop()
    if stop:
        lease.check()
    return stop


def _compare(context: RunContext, split: Split) -> tuple[GateVerdict, Evaluation]:
    from ml.metrics import plots

    context.update(phase=Phase.COMPARING)
    candidate = context.evaluator(context.bundle, split.test)
    version, active = registry.active_version(), None
    if version is not None:
        context.lease.check()
        active = context.evaluator(registry.bundle_path(version), split.test)
    context.lease.check()
    snapshot_index.store_predictions(context.run, split, candidate, active)
    write_plot(context.folder / "confusion.svg", plots.confusion_svg(candidate))
    write_plot(context.folder / "roc.svg", plots.roc_svg(candidate, active))
    if active is None:
        return promotion_gate.NO_COMPARISON, candidate
    comparison = compare(candidate, active).to_json()
    comparison["active_evaluation"] = summary_with_curves(active)
    verdict = promotion_gate.judge(
        comparison, candidate_classes=candidate.classes, active_classes=active.classes
    )
    return verdict, candidate


def _check_trust(context: RunContext, split: Split) -> None:
    context.update(phase=Phase.TRUST_CHECKS, checks_done=0, checks_total=0)

    def on_start(number: int, total: int, check_id: str) -> None:
        context.update(checks_done=number - 1, checks_total=total, check_running=check_id)

    context.trust(context.bundle, split, on_start=on_start)
    context.update(checks_done=F("checks_total"), check_running="")


def _judge_trust(context: RunContext, verdict: GateVerdict, start: ModelVersion) -> GateVerdict:
    active = registry.active_version() or start
    reports = [trust_report.read_report(path) for path in (context.bundle, registry.bundle_path(active))]
    return promotion_gate.with_trust_checks(verdict, *reports)


def _judge_reproduction(context: RunContext, verdict: GateVerdict) -> GateVerdict:
    """Export the candidate as for its service, and judge whether that gives the same probabilities."""
    context.lease.check()
    may_export = settings.SERVING_ENGINE != "tensorflow"
    difference = (
        engine_cache.reproduction_difference(context.bundle, settings.ENGINES) if may_export else None
    )
    return promotion_gate.with_reproduction(verdict, difference)


def _write_model_card(context: RunContext, verdict: GateVerdict, evaluation: Evaluation) -> None:
    run = TrainingRun.objects.get(pk=context.run.pk)  # with the counts of this attempt
    text = model_card.render(run, bundle.read_manifest(context.bundle), evaluation.summary(), verdict)
    (context.bundle / bundle.CARD).write_text(text, encoding="utf-8")


def _register(
    context: RunContext, verdict: GateVerdict, evaluation: Evaluation, version: ModelVersion
) -> None:
    now, run = context.clock(), context.run
    fine_tuned = bundle.read_manifest(context.bundle).parent
    with transaction.atomic():
        candidate = registry_services.register_candidate(
            bundle=context.bundle,
            comparison=verdict.comparison,
            verdict=verdict.verdict,
            verdict_reason=verdict.reason,
            metrics={"test": summary_with_curves(evaluation)},
            parent=version if fine_tuned else None,
            by=run.started_by,
            leaks=_leaks(run.pk),
            now=now,
        )
        if not TrainingRun.finish(run.pk, token=context.lease.token, now=now, candidate=candidate, phase=""):
            raise LeaseLost  # also rolls back the registration
        detail = {"number": run.number, "candidate": candidate.number, "verdict": verdict.verdict}
        audit.record(action=Action.RUN_FINISHED, by=None, target=run, detail=detail, now=now)
    shutil.rmtree(context.bundle, ignore_errors=True)  # the registry has its own copy
    shutil.rmtree(runs.checkpoints(run), ignore_errors=True)  # hundreds of megabytes


def _leaks(run_id: uuid.UUID) -> registry_services.Leaks:
    run = TrainingRun.objects.get(pk=run_id)  # with the checks of this attempt
    names = failed_names(run.leak_checks)
    return registry_services.Leaks(names, run.leak_reason if names else "")


@transaction.atomic
def _fail(context: RunContext, code: str) -> None:
    run, now, text = context.run, context.clock(), errors.failure_text(code)
    logger.error("training run %s failed: %s", run.pk, code, exc_info=True)
    if TrainingRun.fail(run.pk, token=context.lease.token, code=code, text=text, now=now):
        detail = {"number": run.number, "code": code}
        audit.record(action=Action.RUN_FAILED, by=None, target=run, detail=detail, now=now)


def _train_network(*arguments: Any, **options: Any) -> Manifest:
    from ml.training import trainer  # loads TensorFlow, only in the worker's child process

    return trainer.train(*arguments, **options)


def _evaluate(directory: Path, images: Sequence[LabelledImage]) -> Evaluation:
    from ml.metrics import evaluation

    return evaluation.evaluate(directory, images)


def _write_trust_report(directory: Path, split: Split, *, on_start: Callable[[int, int, str], None]) -> None:
    from ml.trust import run as trust_run

    findings = trust_run.run_checks(
        directory, split, on_start=lambda number, total, check: on_start(number, total, check.id)
    )
    trust_run.write(findings, directory)


def _check_for_leaks(*arguments: Any, **options: Any) -> LeakReport:
    from ml.trust import leak_checks  # scikit-learn and its classifiers, only in the worker's child process

    return leak_checks.check_for_leaks(*arguments, **options)
