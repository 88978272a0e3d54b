"""One claimed run with the collaborators of its steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from diagnostics.jobs.lease import Clock, Lease
from diagnostics.training.models import TrainingRun
from diagnostics.training.policy import Parameters
from ml.records import LabelledImage, Manifest

if TYPE_CHECKING:
    from ml.metrics.evaluation_result import Evaluation
    from ml.trust.leak_checks import LeakReport

BUNDLE: Final = "bundle"

Trainer = Callable[..., Manifest]  # the signature of ml.training.trainer.train
Evaluator = Callable[[Path, Sequence[LabelledImage]], "Evaluation"]  # (bundle directory, test set)
TrustReporter = Callable[..., None]  # (bundle directory, split, *, on_start: (number, total, id) -> None)
LeakChecker = Callable[..., "LeakReport"]  # the signature of ml.trust.leak_checks.check_for_leaks


@dataclass(frozen=True)
class RunContext:
    """One claimed run with the collaborators of its steps."""

    run: TrainingRun
    lease: Lease
    folder: Path
    clock: Clock
    trainer: Trainer
    evaluator: Evaluator
    trust: TrustReporter
    leaks: LeakChecker

    @property
    def bundle(self) -> Path:
        return self.folder / BUNDLE

    @property
    def parameters(self) -> Parameters:
        return Parameters(**self.run.parameters)

    def update(self, **columns: Any) -> None:
        """Renew the lease and store columns of the run; raises LeaseLost."""
        self.lease.check()
        TrainingRun.objects.filter(pk=self.run.pk, token=self.lease.token).update(**columns)
