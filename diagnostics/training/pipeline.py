"""What the worker does with one run: claim, freeze, train, compare, keep."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import OperationalError, transaction
from django.utils import timezone

from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.base import Trouble
from diagnostics.registry import selectors as registry
from diagnostics.registry import services as registrar
from diagnostics.registry.models import ModelVersion
from diagnostics.training import card, failures, labels, selectors, snapshot, verdicts
from diagnostics.training.hold import Hold, LeaseLost
from diagnostics.training.models import Epoch, TrainingRun
from diagnostics.training.policy import Parameters
from diagnostics.training.snapshot import FilmWithFinding
from diagnostics.training.verdicts import Judgement
from ml import bundle, dataset, lookalikes
from ml.dataset import Split
from ml.records import EpochReport

if TYPE_CHECKING:
    from ml.figures import Evaluation

BUNDLE: Final = "bundle"
CURVES: Final = "curves.svg"
GOES_ON: Final = frozenset({snapshot.FILE, selectors.CHECKPOINTS, CURVES})  # what another attempt takes over

Clock = Callable[[], datetime]
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Work:
    """One claimed run with everything its steps need."""

    run: TrainingRun
    hold: Hold
    folder: Path
    clock: Clock

    def phase(self, words: str) -> None:
        """Say on the run's page what goes on now; raises LeaseLost."""
        self.hold.check()
        TrainingRun.objects.filter(pk=self.run.pk, token=self.hold.token).update(phase=words)


def train(run_id: uuid.UUID, *, clock: Clock = timezone.now) -> None:
    """Make a candidate of one queued run; does nothing when another worker has taken it."""
    lease = settings.TRAINING_LEASE
    token = TrainingRun.claim(run_id, worker=_worker(), lease=lease, now=clock())
    if token is None:
        return
    run = TrainingRun.objects.select_related("parent").get(pk=run_id)
    with Hold(run_id, token, lease=lease) as hold:
        work = Work(run, hold, selectors.folder(run), clock)
        try:
            _work(work)
        except LeaseLost:
            logger.warning("training run %s was taken away; nothing of this attempt is kept", run_id)
        except OperationalError:
            logger.warning("the database is away: training run %s comes back when its lease ends", run_id)
        except Exception as error:
            _fail(work, failures.code_of(error))


def _work(work: Work) -> None:
    _clear(work)
    version = work.run.parent or registry.in_force()
    if version is None:
        raise Trouble("no_version_in_force")
    split = _freeze(work)
    _learn(work, split, registry.bundle_path(version))
    judgement, measured = _compare(work, split)
    _examine(work, split)
    _describe(work, judgement, measured)
    _keep(work, judgement, measured, version)


def _clear(work: Work) -> None:
    """Begin from nothing, or from what an attempt whose worker died has frozen and learnt."""
    work.folder.mkdir(parents=True, exist_ok=True)
    for left in work.folder.iterdir():
        if work.run.attempts > 1 and left.name in GOES_ON:
            continue
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()


def _freeze(work: Work) -> Split:
    work.phase("freezing")
    found = _found(work)
    present = [film for film in found if film.path.is_file()]
    text = snapshot.lines(present, secret=settings.SECRET_KEY)
    sha256 = snapshot.freeze(work.folder, text)
    films = snapshot.labelled(present, secret=settings.SECRET_KEY)
    looks = lookalikes.look_at(films)
    try:
        split = dataset.split_by_patient(films, seed=_parameters(work).seed, looks=looks)
    except dataset.TooFewCases as few:
        all_there = len(present) == len(found) and not looks.unreadable
        raise Trouble("too_few_cases" if all_there else "data_damaged") from few
    left_out = verdicts.left_out(split.left_out, missing=len(found) - len(present))
    if (disagreeing := labels.disagreeing())["cases"]:
        left_out[labels.DISAGREE] = disagreeing
    imported = {"cases": sum(film.imported for film in present)}
    TrainingRun.objects.filter(pk=work.run.pk, token=work.hold.token).update(
        snapshot_sha256=sha256, counts=split.counts() | {"left_out": left_out, "imported": imported}
    )
    return split


def _found(work: Work) -> list[FilmWithFinding]:
    """Give the films with the findings of now; in a further attempt those that the first has frozen."""
    frozen = snapshot.labels(work.folder, sha256=work.run.snapshot_sha256)
    return list(labels.films() if frozen is None else labels.films_of(frozen))


def _learn(work: Work, split: Split, start_from: Path) -> None:
    from ml import trainer  # TensorFlow, in the worker's child alone

    work.phase("learning")
    curves = _Curves(work)
    try:
        trainer.train(
            split,
            _parameters(work).spec(),
            start_from=start_from,
            out=work.folder / BUNDLE,
            on_epoch=curves.add,
            should_stop=work.hold.should_stop,
            checkpoints=selectors.checkpoints(work.run),
            on_begin=curves.begin,
        )
    except trainer.NothingLearnt as nothing:
        work.hold.check()  # a stop because of a lost lease is no failure of the run
        raise Trouble("stopped_without_result" if work.hold.stop_asked else "nothing_learnt") from nothing


class _Curves:
    """Keeps each epoch as a row and as a picture."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._reports: list[EpochReport] = []

    def begin(self, reports: Sequence[EpochReport]) -> None:
        """Show the epochs that an earlier attempt has completed, each once, and no other."""
        self._work.hold.check()
        self._reports = list(reports)
        with transaction.atomic():
            Epoch.objects.filter(run=self._work.run).delete()
            Epoch.objects.bulk_create(self._row(report) for report in reports)

    def add(self, report: EpochReport) -> None:
        """Show one more epoch."""
        from ml import pictures

        self._work.hold.check()
        self._reports.append(report)
        _write(self._work.folder / CURVES, pictures.curves_svg(self._reports))
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


def _compare(work: Work, split: Split) -> tuple[Judgement, Evaluation]:
    from ml import evaluation, pictures

    work.phase("comparing")
    candidate = evaluation.evaluate(work.folder / BUNDLE, split.test)
    version, rival = registry.in_force(), None
    if version is not None:
        work.hold.check()
        rival = evaluation.evaluate(registry.bundle_path(version), split.test)
    _write(work.folder / "confusion.svg", pictures.confusion_svg(candidate))
    _write(work.folder / "roc.svg", pictures.roc_svg(candidate, rival))
    if rival is None:
        return verdicts.ALONE, candidate
    comparison = evaluation.compare(candidate, rival).to_json()
    return verdicts.judge(comparison, knows=candidate.classes, must_know=rival.classes), candidate


def _examine(work: Work, split: Split) -> None:
    """Ask what the candidate's figures are worth, and lay the trust report into its bundle."""
    from ml.trust import run as trust

    work.phase("examining")
    findings = trust.ask(work.folder / BUNDLE, split, on_check=lambda _check: work.hold.check())
    trust.write(findings, work.folder / BUNDLE)


def _describe(work: Work, judgement: Judgement, measured: Evaluation) -> None:
    run = TrainingRun.objects.get(pk=work.run.pk)  # with the counts of this attempt
    manifest = bundle.read_manifest(work.folder / BUNDLE)
    text = card.write(run, manifest, measured.summary(), judgement)
    (work.folder / BUNDLE / bundle.CARD).write_text(text, encoding="utf-8")


def _keep(work: Work, judgement: Judgement, measured: Evaluation, version: ModelVersion) -> None:
    now = work.clock()
    manifest = bundle.read_manifest(work.folder / BUNDLE)
    with transaction.atomic():
        candidate = registrar.register_candidate(
            bundle=work.folder / BUNDLE,
            comparison=judgement.comparison,
            verdict=judgement.verdict,
            verdict_reason=judgement.reason,
            metrics={"test": measured.summary()},
            parent=version if manifest.parent else None,  # empty when it learnt from the beginning
            by=work.run.started_by,
            now=now,
        )
        if not TrainingRun.finish(work.run.pk, token=work.hold.token, now=now, candidate=candidate, phase=""):
            raise LeaseLost  # takes the registration back as well
        detail = {"number": work.run.number, "candidate": candidate.number, "verdict": judgement.verdict}
        audit.record(action=Action.RUN_FINISHED, by=None, target=work.run, detail=detail, now=now)
    shutil.rmtree(work.folder / BUNDLE, ignore_errors=True)  # the registry has its own copy
    _drop_checkpoints(work)


@transaction.atomic
def _fail(work: Work, code: str) -> None:
    logger.error("training run %s failed: %s", work.run.pk, code, exc_info=True)
    now = work.clock()
    text = failures.sentence(code)
    if TrainingRun.fail(work.run.pk, token=work.hold.token, code=code, text=text, now=now):
        detail = {"number": work.run.number, "code": code}
        audit.record(action=Action.RUN_FAILED, by=None, target=work.run, detail=detail, now=now)
        transaction.on_commit(partial(_drop_checkpoints, work))


def _drop_checkpoints(work: Work) -> None:
    shutil.rmtree(selectors.checkpoints(work.run), ignore_errors=True)  # hundreds of megabytes


def _parameters(work: Work) -> Parameters:
    return Parameters(**work.run.parameters)


def _write(path: Path, svg: str) -> None:
    draft = path.with_suffix(".tmp")
    draft.write_text(svg, encoding="utf-8")
    draft.replace(path)


def _worker() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"[:100]
