"""Two runs side by side: settings, test results, and curves in one chart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from diagnostics.registry.presenters.metrics import ClassRow, evaluation_results
from diagnostics.training.models import Epoch, TrainingRun
from diagnostics.training.presenters import progress
from diagnostics.training.presenters.runs import run_facts

TONES: Final = ("candidate", "active")  # colours of the first and of the second run
LEFT, TOP, WIDTH, HEIGHT = 40.0, 8.0, 380.0, 160.0  # of the plot in the SVG

Value = Callable[[Epoch], float]


@dataclass(frozen=True)
class Row:
    """One property of both runs."""

    label: str
    first: str
    second: str

    @property
    def differs(self) -> bool:
        """Return whether the runs differ in it."""
        return self.first != self.second


@dataclass(frozen=True)
class Curve:
    """One line of a chart, in pixels."""

    tone: str
    label: str
    line: str


@dataclass(frozen=True)
class CurveChart:
    """The curves of both runs on the same axes, from 0 to `top` and from epoch 1 to `epochs`."""

    title: str
    curves: tuple[Curve, ...]
    top: str
    epochs: int


@dataclass(frozen=True)
class RunComparison:
    """What the page of two runs shows."""

    settings: tuple[Row, ...]
    results: tuple[Row, ...]
    charts: tuple[CurveChart, ...]


def compare_runs(first: TrainingRun, second: TrainingRun) -> RunComparison:
    """Return two runs side by side."""
    return RunComparison(
        settings=_rows(_settings(first), _settings(second)),
        results=_rows(_results(first), _results(second)),
        charts=(
            _chart(_("Loss, validation set"), (first, second), lambda epoch: epoch.val_loss),
            _chart(_("Accuracy, validation set"), (first, second), lambda epoch: epoch.val_accuracy, top=1.0),
        ),
    )


def _rows(first: dict[str, str], second: dict[str, str]) -> tuple[Row, ...]:
    labels = dict.fromkeys([*first, *second])
    return tuple(Row(label, first.get(label, "-"), second.get(label, "-")) for label in labels)


def _settings(run: TrainingRun) -> dict[str, str]:
    facts = {fact.label: fact.value for fact in run_facts(run)}
    return {_("Status"): progress.status_label(run)} | facts


def _results(run: TrainingRun) -> dict[str, str]:
    epochs = list(run.epochs.all())
    values = {_("Completed epochs"): str(len(epochs))}
    if epochs:
        values[_("Best accuracy, validation set")] = f"{max(epoch.val_accuracy for epoch in epochs):.3f}"
    if run.candidate is None:
        return values
    values[_("Candidate")] = f"{run.candidate}: {run.candidate.get_verdict_display()}"
    for part in evaluation_results(run.candidate.manifest):
        values[_("Test set")] = _("%(n)d radiographs, accuracy %(accuracy)s") % {
            "n": part.radiographs,
            "accuracy": part.accuracy,
        }
        for row in part.rows:
            values |= _finding(row)
    return values


def _finding(row: ClassRow) -> dict[str, str]:
    return {
        _("%(finding)s: AUROC") % {"finding": row.label}: row.auroc,
        _("%(finding)s: sensitivity") % {"finding": row.label}: row.sensitivity,
        _("%(finding)s: specificity") % {"finding": row.label}: row.specificity,
    }


def _chart(title: str, runs: Sequence[TrainingRun], value: Value, top: float = 0.0) -> CurveChart:
    curves = [[value(epoch) for epoch in run.epochs.all()] for run in runs]
    highest = top or max((max(values) for values in curves if values), default=1.0) or 1.0
    last = max((len(values) for values in curves), default=0)
    return CurveChart(
        title=title,
        curves=tuple(
            Curve(tone, _("Run %(number)d") % {"number": run.number}, _line(values, last, highest))
            for run, values, tone in zip(runs, curves, TONES, strict=True)
            if values
        ),
        top=f"{highest:.2f}",
        epochs=last,
    )


def _line(values: Sequence[float], epochs: int, top: float) -> str:
    step = WIDTH / max(1, epochs - 1)
    points = [
        f"{LEFT + index * step:.1f} {TOP + HEIGHT * (1 - min(value / top, 1)):.1f}"
        for index, value in enumerate(values)
    ]
    return "M" + "L".join(points) + ("h2" if len(points) == 1 else "")
