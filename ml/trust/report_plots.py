"""Plots of the trust report as SVG: reliability, risk by coverage, scores by source."""

from __future__ import annotations

from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from ml.metrics import statistics
from ml.metrics.curves import MIN_FOR_INTERVAL
from ml.metrics.plots import ACTIVE, CANDIDATE, STYLE, TEXT, as_svg
from ml.trust.abstention import risk_curve
from ml.trust.predictions import Predictions

MAX_SOURCES: Final = 6
JITTER: Final = 0.12  # of the distance between two sources


def reliability_svg(predictions: Predictions) -> str:
    """Plot predicted probability against observed frequency of the target in equal-count bins."""
    scores, truth = predictions.scores, predictions.truth
    order = np.argsort(scores, kind="stable")
    bins = [members for members in np.array_split(order, predictions.bins) if len(members)]
    predicted = [float(scores[members].mean()) for members in bins]
    observed = [float(truth[members].mean()) for members in bins]
    intervals = [statistics.wilson(int(truth[members].sum()), len(members)) for members in bins]
    enough = len(predictions.radiographs) >= MIN_FOR_INTERVAL
    errors = np.abs(np.array(intervals).T - np.array(observed)) if enough else None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.4, 4.2), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=TEXT, linewidth=0.8, linestyle=":")
        axes.errorbar(
            predicted, observed, yerr=errors, color=CANDIDATE, marker="o", markersize=4, linewidth=1
        )
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.set(xlabel=f"predicted probability of {predictions.target}", ylabel="observed frequency")
        axes.set_title("Reliability")
        axes.set_aspect("equal")
        axes.grid(visible=True)
        return as_svg(figure)


def coverage_svg(predictions: Predictions) -> str:
    """Plot the error rate of the most confident predictions against their share."""
    curve = risk_curve(predictions.probabilities.max(axis=1), predictions.correct)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.4, 4.2), layout="constrained")
        axes = figure.subplots()
        axes.plot(np.arange(1, len(curve) + 1) / len(curve), curve, color=CANDIDATE)
        axes.set(xlim=(0, 1), ylim=(0, max(0.1, float(curve.max()) * 1.05)))
        axes.set(xlabel="coverage (share of radiographs, most confident first)", ylabel="error rate")
        axes.set_title("Risk by coverage")
        axes.grid(visible=True)
        return as_svg(figure)


def scores_svg(predictions: Predictions) -> str:
    """Plot each radiograph's score by source, separately with and without the target."""
    sources = sorted({radiograph.source for radiograph in predictions.radiographs})[:MAX_SOURCES]
    sides = (("with", -0.18, predictions.truth, ACTIVE), ("without", 0.18, ~predictions.truth, CANDIDATE))
    random = np.random.default_rng(0)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.4, 0.9 + 0.75 * len(sources)), layout="constrained")
        axes = figure.subplots()
        for row, source in enumerate(sources):
            members = np.array([radiograph.source == source for radiograph in predictions.radiographs])
            for side, offset, of_side, colour in sides:
                scores = predictions.scores[members & of_side]
                heights = row + offset + random.uniform(-JITTER, JITTER, len(scores))
                label = None if row else f"{side} {predictions.target}"
                axes.scatter(scores, heights, s=6, color=colour, alpha=0.6, linewidth=0, label=label)
        axes.set_yticks(range(len(sources)), [source or "unknown source" for source in sources])
        axes.set(xlim=(-0.02, 1.02), ylim=(len(sources) - 0.4, -0.9))
        axes.set(xlabel=f"probability of {predictions.target}")
        axes.set_title("Scores by source")
        axes.legend(loc="upper center", ncols=2)
        return as_svg(figure)
