"""Learning curves, confusion matrix and ROC curve as SVG, legible on dark and white backgrounds."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from ml.metrics import statistics
from ml.metrics.curves import MIN_FOR_INTERVAL, sensitivities
from ml.metrics.evaluation_result import SEED, TARGET, ClassMetrics, Estimate, Evaluation
from ml.records import EpochReport

TEXT: Final = "#75818d"  # where a program ignores the style sheet: 3.9 to 1 on white, 4.8 to 1 on #0e1115
# No colour has 4.5 to 1 on both backgrounds; an <img> takes the theme from the page around it.
THEMED_TEXT: Final = {"light": "#55616d", "dark": "#9aa7b4"}
TRAIN, VALIDATION = "#2f8fd0", "#cf7a1c"
CANDIDATE, ACTIVE = "#1f9d83", "#b565c9"
LIGHT, DARK = np.array([0xE9, 0xEF, 0xF4]) / 255, np.array([0x15, 0x57, 0x85]) / 255  # matrix cells
ON_LIGHT, ON_DARK = "#000000", "#ffffff"
DARK_FROM: Final = 0.76  # share of a cell from which white text has the higher contrast
BAND_POINTS: Final = 101
BAND_RESAMPLES: Final = 500

STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "readroom",  # equal plots have equal bytes
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # font of the layout; a browser shows its own sans-serif
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
    """Return an SVG of loss and accuracy by epoch, on training and validation set."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 3.2), layout="constrained")
        loss, accuracy = figure.subplots(1, 2)
        numbers = [report.epoch for report in epochs]
        for axes, title, train, validation in (
            (loss, "Loss (nats)", [r.loss for r in epochs], [r.val_loss for r in epochs]),
            (accuracy, "Accuracy", [r.accuracy for r in epochs], [r.val_accuracy for r in epochs]),
        ):
            axes.plot(numbers, train, color=TRAIN, marker=".", label="training set")
            axes.plot(numbers, validation, color=VALIDATION, marker=".", label="validation set")
            axes.set(title=title, xlabel="epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(visible=True)
        accuracy.set_ylim(0, 1.02)
        loss.legend()
        return as_svg(figure)


def confusion_svg(evaluation: Evaluation) -> str:
    """Return an SVG of the confusion matrix: counts, and shares of each row."""
    labels, counts = evaluation.labels, np.array(evaluation.confusion)
    with mpl.rc_context({**STYLE, "axes.spines.left": False, "axes.spines.bottom": False}):
        figure = Figure(figsize=(1.9 + 1.25 * len(labels), 1.4 + 0.8 * len(labels)), layout="constrained")
        axes = figure.subplots()
        shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
        axes.set(xlim=(-0.5, len(labels) - 0.5), ylim=(len(labels) - 0.5, -0.5))
        for (row, column), count in np.ndenumerate(counts):
            background, colour = cell_colours(shares[row, column])
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=background, linewidth=0))
            text = f"{count}\n{shares[row, column]:.0%}"
            axes.text(column, row, text, color=colour, ha="center", va="center")
        totals = [f"{label}\nn = {total}" for label, total in zip(labels, counts.sum(axis=1), strict=True)]
        axes.set_xticks(range(len(labels)), labels)
        axes.set_yticks(range(len(labels)), totals)
        axes.tick_params(length=0)
        axes.set(xlabel="predicted finding", ylabel="label", title=_title(evaluation))
        return as_svg(figure)


def cell_colours(share: float) -> tuple[tuple[float, ...], str]:
    """Return the background of a matrix cell, red, green and blue from 0 to 1, and the colour of its text."""
    background = tuple(float(part) for part in LIGHT + (DARK - LIGHT) * share)
    return background, ON_DARK if share >= DARK_FROM else ON_LIGHT


def roc_svg(candidate: Evaluation, active: Evaluation | None) -> str:
    """Return an SVG of the ROC curve of the target finding, with intervals and operating points."""
    target = TARGET if TARGET in candidate.labels else candidate.labels[0]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 5), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=TEXT, linewidth=0.8, linestyle=":")
        _roc(axes, candidate, target, CANDIDATE, "candidate")
        if active is not None:
            _roc(axes, active, target, ACTIVE, "active version")
        axes.set(
            xlim=(-0.01, 1.01),
            ylim=(-0.01, 1.01),
            xlabel="1 - specificity",
            ylabel=f"sensitivity for {target}",
            title=_title(candidate),
        )
        axes.set_aspect("equal")
        axes.grid(visible=True)
        axes.legend(loc="lower right")
        return as_svg(figure)


def _roc(axes: Axes, evaluation: Evaluation, target: str, colour: str, name: str) -> None:
    scores, truth = evaluation.scores(target), evaluation.truth(target)
    if truth.all() or not truth.any():
        return
    metrics = evaluation.per_class[target]
    grid = np.linspace(0, 1, BAND_POINTS)
    auroc, interval = metrics.auroc, ""
    if min(truth.sum(), (~truth).sum()) >= MIN_FOR_INTERVAL:
        weights = statistics.patient_weights(evaluation.groups(), seed=SEED, resamples=BAND_RESAMPLES)
        curves = np.stack([sensitivities(scores, truth, row, grid) for row in weights])
        low, high = np.nanpercentile(curves, (2.5, 97.5), axis=0)
        axes.fill_between(grid, low, high, color=colour, alpha=0.15, linewidth=0)
        interval = f" [{auroc.low:.3f}, {auroc.high:.3f}]"
    label = f"{name}: AUROC {auroc.value:.3f}{interval}, n = {auroc.n}"
    axes.plot(grid, sensitivities(scores, truth, np.ones(len(truth)), grid), color=colour, label=label)
    _operating_point(axes, metrics, colour, bars=bool(interval))


def _operating_point(axes: Axes, metrics: ClassMetrics, colour: str, *, bars: bool) -> None:
    sensitivity, specificity = metrics.flag_sensitivity, metrics.flag_specificity
    if not bars:
        axes.plot([1 - specificity.value], [sensitivity.value], color=colour, marker="o", markersize=5)
        return
    axes.errorbar(
        [1 - specificity.value],
        [sensitivity.value],
        xerr=[[specificity.high - specificity.value], [specificity.value - specificity.low]],
        yerr=_error_bars(sensitivity),
        color=colour,
        marker="o",
        markersize=5,
        capsize=2,
        linewidth=1,
    )


def _error_bars(estimate: Estimate) -> list[list[float]]:
    return [[max(0.0, estimate.value - estimate.low)], [max(0.0, estimate.high - estimate.value)]]


def _title(evaluation: Evaluation) -> str:
    return f"{evaluation.version}: {evaluation.radiographs} radiographs, {evaluation.patients} patients"


def as_svg(figure: Figure) -> str:
    """Return a figure as an SVG element with a transparent background and no external reference."""
    FigureCanvasSVG(figure)
    figure.patch.set_alpha(0)
    for axes in figure.axes:
        axes.patch.set_alpha(0)
    text = io.StringIO()
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(text, format="svg", metadata=no_metadata)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]  # without the document type, which refers to an external file
    return svg.replace("<defs>", f"<defs>{_themed_style()}", 1)


def _themed_style() -> str:
    """Return the style sheet that gives labels, axes and grid the colour of the page's theme."""
    rules = (
        f"@media (prefers-color-scheme: {theme}) {{"
        f'[style*="fill: {TEXT}"] {{ fill: {colour} !important }}'
        f'[style*="stroke: {TEXT}"] {{ stroke: {colour} !important }}'
        "}"
        for theme, colour in THEMED_TEXT.items()
    )
    return f'<style type="text/css">{"".join(rules)}</style>'
