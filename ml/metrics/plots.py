"""Curves, confusion matrix and ROC as SVG: transparent ground, readable on a dark and on a white page."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Sheet
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ml.metrics import statistics
from ml.metrics.evaluation_result import SEED, TARGET, ClassMetrics, Estimate, Evaluation
from ml.records import EpochReport

TEXT: Final = "#75818d"  # 3.9 to 1 on white, 4.8 to 1 on #0e1115
TRAIN, VALIDATION = "#2f8fd0", "#cf7a1c"
CANDIDATE, IN_FORCE = "#1f9d83", "#b565c9"
PALE, FULL = np.array([0xE9, 0xEF, 0xF4]) / 255, np.array([0x15, 0x57, 0x85]) / 255  # cells of the matrix
ON_PALE, ON_FULL = "#16202a", "#ffffff"
BAND_POINTS: Final = 101
BAND_RESAMPLES: Final = 500

STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "readroom",  # the same picture has the same bytes
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # Matplotlib's own, to measure by; a browser takes its sans-serif
    "font.size": 10,
    "text.color": TEXT,
    "axes.labelcolor": TEXT,
    "axes.edgecolor": TEXT,
    "axes.titlecolor": TEXT,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
    "grid.color": TEXT,
    "grid.alpha": 0.2,
    "legend.frameon": False,
}


def curves_svg(epochs: Sequence[EpochReport]) -> str:
    """Draw loss and accuracy of each epoch, on the radiographs learnt from and on those kept for checking."""
    with mpl.rc_context(STYLE):
        sheet = Sheet(figsize=(8, 3.2), layout="constrained")
        loss, accuracy = sheet.subplots(1, 2)
        numbers = [report.epoch for report in epochs]
        for axes, title, train, validation in (
            (loss, "Loss (nats)", [r.loss for r in epochs], [r.val_loss for r in epochs]),
            (accuracy, "Accuracy", [r.accuracy for r in epochs], [r.val_accuracy for r in epochs]),
        ):
            axes.plot(numbers, train, color=TRAIN, marker=".", label="training set")
            axes.plot(numbers, validation, color=VALIDATION, marker=".", label="checking radiographs")
            axes.set(title=title, xlabel="epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(visible=True)
        accuracy.set_ylim(0, 1.02)
        loss.legend()
        return as_svg(sheet)


def confusion_svg(evaluation: Evaluation) -> str:
    """Draw known against named findings: counts, and the share of each row."""
    labels, counts = evaluation.labels, np.array(evaluation.confusion)
    with mpl.rc_context({**STYLE, "axes.spines.left": False, "axes.spines.bottom": False}):
        sheet = Sheet(figsize=(1.9 + 1.25 * len(labels), 1.4 + 0.8 * len(labels)), layout="constrained")
        axes = sheet.subplots()
        shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
        axes.set(xlim=(-0.5, len(labels) - 0.5), ylim=(len(labels) - 0.5, -0.5))
        for (row, column), count in np.ndenumerate(counts):
            ground = tuple(PALE + (FULL - PALE) * shares[row, column])
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=ground, linewidth=0))
            colour = ON_FULL if shares[row, column] > 0.45 else ON_PALE
            words = f"{count}\n{shares[row, column]:.0%}"
            axes.text(column, row, words, color=colour, ha="center", va="center")
        totals = [f"{label}\nn = {total}" for label, total in zip(labels, counts.sum(axis=1), strict=True)]
        axes.set_xticks(range(len(labels)), labels)
        axes.set_yticks(range(len(labels)), totals)
        axes.tick_params(length=0)
        axes.set(xlabel="named by the network", ylabel="known finding", title=_of(evaluation))
        return as_svg(sheet)


def roc_svg(candidate: Evaluation, active: Evaluation | None) -> str:
    """Draw sensitivity against false alarms for the target finding, with intervals and operating points."""
    target = TARGET if TARGET in candidate.labels else candidate.labels[0]
    with mpl.rc_context(STYLE):
        sheet = Sheet(figsize=(5.2, 5), layout="constrained")
        axes = sheet.subplots()
        axes.plot([0, 1], [0, 1], color=TEXT, linewidth=0.8, linestyle=":")
        _roc(axes, candidate, target, CANDIDATE, "candidate")
        if active is not None:
            _roc(axes, active, target, IN_FORCE, "in force")
        axes.set(
            xlim=(-0.01, 1.01),
            ylim=(-0.01, 1.01),
            xlabel="1 - specificity",
            ylabel=f"sensitivity for {target}",
            title=_of(candidate),
        )
        axes.set_aspect("equal")
        axes.grid(visible=True)
        axes.legend(loc="lower right")
        return as_svg(sheet)


def _roc(axes: Axes, evaluation: Evaluation, target: str, colour: str, name: str) -> None:
    scores, truth = evaluation.scores(target), evaluation.truth(target)
    if truth.all() or not truth.any():
        return
    found = evaluation.per_class[target]
    grid = np.linspace(0, 1, BAND_POINTS)
    weights = statistics.patient_weights(evaluation.groups(), seed=SEED, resamples=BAND_RESAMPLES)
    curves = np.stack([_heights(scores, truth, row, grid) for row in weights])
    low, high = np.nanpercentile(curves, (2.5, 97.5), axis=0)
    axes.fill_between(grid, low, high, color=colour, alpha=0.15, linewidth=0)
    auroc = found.auroc
    label = f"{name}: AUROC {auroc.value:.3f} [{auroc.low:.3f}, {auroc.high:.3f}], n = {auroc.n}"
    axes.plot(grid, _heights(scores, truth, np.ones(len(truth)), grid), color=colour, label=label)
    _operating_point(axes, found, colour)


def _heights(
    scores: NDArray[np.float64],
    truth: NDArray[np.bool_],
    weights: NDArray[np.float64],
    grid: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the sensitivity at each share of false alarms in the grid."""
    order = np.argsort(-scores, kind="stable")
    ends = np.r_[np.flatnonzero(np.diff(scores[order])), len(order) - 1]
    hits = np.cumsum(weights[order] * truth[order])[ends]
    alarms = np.cumsum(weights[order] * ~truth[order])[ends]
    if not hits[-1] or not alarms[-1]:
        return np.full(len(grid), np.nan)
    along, up = np.r_[0, alarms / alarms[-1]], np.r_[0, hits / hits[-1]]
    # np.interp takes the last of equal positions only at the right end; a hair keeps vertical steps in order.
    heights: NDArray[np.float64] = np.interp(grid, along + np.arange(len(along)) * 1e-12, up)
    return heights


def _operating_point(axes: Axes, found: ClassMetrics, colour: str) -> None:
    hits, rest = found.flag_sensitivity, found.flag_specificity
    axes.errorbar(
        [1 - rest.value],
        [hits.value],
        xerr=[[rest.high - rest.value], [rest.value - rest.low]],
        yerr=_reach(hits),
        color=colour,
        marker="o",
        markersize=5,
        capsize=2,
        linewidth=1,
    )


def _reach(figure: Estimate) -> list[list[float]]:
    return [[max(0.0, figure.value - figure.low)], [max(0.0, figure.high - figure.value)]]


def _of(evaluation: Evaluation) -> str:
    return f"{evaluation.version}: {evaluation.radiographs} radiographs, {evaluation.patients} patients"


def as_svg(sheet: Sheet) -> str:
    """Write a sheet as an SVG element on a transparent ground, without what names a file elsewhere."""
    FigureCanvasSVG(sheet)
    sheet.patch.set_alpha(0)
    for axes in sheet.axes:
        axes.patch.set_alpha(0)
    text = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    sheet.savefig(text, format="svg", metadata=nothing)
    drawing = text.getvalue()
    return drawing[drawing.index("<svg") :]  # without the document type, which names a file elsewhere
