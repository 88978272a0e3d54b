"""The trust report's own pictures, as SVG: reliability, errors by coverage, scores by source."""

from __future__ import annotations

from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure as Sheet

from ml.metrics import statistics
from ml.metrics.plots import CANDIDATE, IN_FORCE, STYLE, TEXT, as_svg
from ml.trust.abstention import risk_curve
from ml.trust.predictions import Predictions

MOST_SOURCES: Final = 6


def reliability_svg(answers: Predictions) -> str:
    """Draw the stated against the true share of radiographs with the target, in bins of equally many radiographs."""
    order = np.argsort(answers.scores, kind="stable")
    parts = [part for part in np.array_split(order, answers.bins) if len(part)]
    stated = [float(answers.scores[part].mean()) for part in parts]
    true = [float(answers.truth[part].mean()) for part in parts]
    bounds = [statistics.wilson(int(answers.truth[part].sum()), len(part)) for part in parts]
    reach = np.abs(np.array(bounds).T - np.array(true))
    with mpl.rc_context(STYLE):
        sheet = Sheet(figsize=(4.4, 4.2), layout="constrained")
        axes = sheet.subplots()
        axes.plot([0, 1], [0, 1], color=TEXT, linewidth=0.8, linestyle=":")
        axes.errorbar(stated, true, yerr=reach, color=CANDIDATE, marker="o", markersize=4, linewidth=1)
        axes.set(
            xlim=(0, 1), ylim=(0, 1), xlabel=f"stated probability of {answers.target}", ylabel="true share"
        )
        axes.set_title("Reliability")
        axes.set_aspect("equal")
        axes.grid(visible=True)
        return as_svg(sheet)


def coverage_svg(answers: Predictions) -> str:
    """Draw the share of errors among the surest radiographs against how many are answered."""
    curve = risk_curve(answers.probabilities.max(axis=1), answers.right)
    with mpl.rc_context(STYLE):
        sheet = Sheet(figsize=(4.4, 4.2), layout="constrained")
        axes = sheet.subplots()
        axes.plot(np.arange(1, len(curve) + 1) / len(curve), curve, color=CANDIDATE)
        axes.set(xlim=(0, 1), ylim=(0, max(0.1, float(curve.max()) * 1.05)))
        axes.set(xlabel="share of radiographs answered, surest first", ylabel="share of these wrongly named")
        axes.set_title("Errors by coverage")
        axes.grid(visible=True)
        return as_svg(sheet)


def scores_svg(answers: Predictions) -> str:
    """Draw each radiograph's score by source, radiographs with and without the target side by side."""
    sources = sorted({radiograph.source for radiograph in answers.radiographs})[:MOST_SOURCES]
    with mpl.rc_context(STYLE):
        sheet = Sheet(figsize=(4.4, 0.9 + 0.75 * len(sources)), layout="constrained")
        axes = sheet.subplots()
        random = np.random.default_rng(0)
        for row, source in enumerate(sources):
            members = np.array([radiograph.source == source for radiograph in answers.radiographs])
            for shift, side, colour in ((-0.18, answers.truth, IN_FORCE), (0.18, ~answers.truth, CANDIDATE)):
                scores = answers.scores[members & side]
                heights = row + shift + random.uniform(-0.12, 0.12, len(scores))
                name = None if row else ("with" if shift < 0 else "without") + f" {answers.target}"
                axes.scatter(scores, heights, s=6, color=colour, alpha=0.6, linewidth=0, label=name)
        axes.set_yticks(range(len(sources)), [source or "not named" for source in sources])
        axes.set(
            xlim=(-0.02, 1.02), ylim=(len(sources) - 0.4, -0.9), xlabel=f"probability of {answers.target}"
        )
        axes.set_title("Scores by source")
        axes.legend(loc="upper center", ncols=2)
        return as_svg(sheet)
