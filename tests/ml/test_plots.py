"""Plots of a training and of an evaluation: safe SVG, contrast, contents."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from ml.metrics import plots
from ml.metrics.evaluation_result import Evaluation, from_logits
from ml.records import Architecture, EpochReport, LabelledImage, Manifest, Preprocessing

pytestmark = pytest.mark.slow

CLASSES = ("covid-19", "pneumonia", "normal")
EPOCHS = [EpochReport(n, 5, 1 / n, 0.5 + n / 20, 1.2 / n, 0.4 + n / 20, 3.0) for n in range(1, 6)]


def _evaluation(version: str, noise: float) -> Evaluation:
    random = np.random.default_rng(1)
    labels = [CLASSES[n % 3] for n in range(90)]
    radiographs = [LabelledImage(Path(f"{n}.png"), label, f"p{n // 2}") for n, label in enumerate(labels)]
    logits = np.eye(3)[np.arange(90) % 3] + random.normal(0, noise, (90, 3))
    points = dict.fromkeys(CLASSES, 0.3)
    return from_logits(Manifest(version, Architecture(), Preprocessing(), points, {}), radiographs, logits)


CANDIDATE, ACTIVE = _evaluation("candidate", 0.8), _evaluation("v3", 1.2)


@pytest.mark.parametrize(
    "svg",
    [
        plots.curves_svg(EPOCHS),
        plots.curves_svg(EPOCHS[:1]),
        plots.confusion_svg(CANDIDATE),
        plots.roc_svg(CANDIDATE, ACTIVE),
        plots.roc_svg(CANDIDATE, None),
    ],
    ids=["curves", "one epoch", "confusion", "roc", "roc alone"],
)
def test_a_plot_is_safe_svg_with_a_transparent_background(svg: str) -> None:
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not re.search(r"<script|<!|on\w+=|@import|url\(http", svg)
    assert all(target.startswith("#") for target in re.findall(r'href="([^"]*)"', svg))
    background = root.find(".//*[@id='patch_1']/*")
    assert background is not None
    assert "opacity: 0" in background.attrib["style"]


def _contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = (int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5))
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("background", ["#0e1115", "#ffffff"])
@pytest.mark.parametrize(
    "colour",
    [plots.TEXT, plots.TRAIN, plots.VALIDATION, plots.CANDIDATE, plots.ACTIVE],
)
def test_every_colour_has_enough_contrast_on_both_backgrounds(colour: str, background: str) -> None:
    assert _contrast(colour, background) >= 3  # WCAG 2.2, 1.4.11 for graphics


@pytest.mark.parametrize(
    ("theme", "background"),
    [("dark", "#0e1115"), ("dark", "#161b21"), ("light", "#f4f6f8"), ("light", "#ffffff")],
)
def test_labels_have_the_contrast_of_text_in_both_themes(theme: str, background: str) -> None:
    assert _contrast(_label_colours(plots.roc_svg(CANDIDATE, None))[theme], background) >= 4.5


def _label_colours(svg: str) -> dict[str, str]:
    """Return the colour of labels in each theme, as the style sheet of a plot states it."""
    rule = r"prefers-color-scheme: (\w+)\) \{\[style\*=\"fill: #75818d\"\] \{ fill: (#\w{6}) !important"
    return dict(re.findall(rule, svg))


@pytest.mark.parametrize("svg", [plots.curves_svg(EPOCHS), plots.roc_svg(CANDIDATE, ACTIVE)])
def test_every_label_takes_the_colour_of_the_theme(svg: str) -> None:
    texts = ElementTree.fromstring(svg).findall(".//{http://www.w3.org/2000/svg}text")
    assert len(texts) > 10
    assert all("fill: #75818d" in text.attrib["style"] for text in texts)


def test_numbers_in_matrix_cells_have_the_contrast_of_text_at_every_share() -> None:
    for percent in range(101):
        background, colour = plots.cell_colours(percent / 100)
        shown = "#" + "".join(f"{round(part * 255):02x}" for part in background)
        assert _contrast(colour, shown) >= 4.5, percent


def test_curves_of_training_and_validation_set_have_their_colours() -> None:
    svg = plots.curves_svg(EPOCHS)
    assert svg.count(f"stroke: {plots.TRAIN}") >= 2
    assert svg.count(f"stroke: {plots.VALIDATION}") >= 2


def test_the_matrix_shows_every_count_and_the_number_of_radiographs() -> None:
    svg = plots.confusion_svg(CANDIDATE)
    for count in np.array(CANDIDATE.confusion).ravel():
        assert f">{count}<" in svg
    assert svg.count("n = 30") == 3
    assert "candidate: 90 radiographs, 45 patients" in svg


def test_the_roc_legend_has_both_versions_with_interval_and_number() -> None:
    svg = plots.roc_svg(CANDIDATE, ACTIVE)
    for name, evaluation in (("candidate", CANDIDATE), ("active version", ACTIVE)):
        area = evaluation.per_class["covid-19"].auroc
        assert f"{name}: AUROC {area.value:.3f} [{area.low:.3f}, {area.high:.3f}], n = 90" in svg


def test_equal_evaluations_give_equal_bytes() -> None:
    assert plots.roc_svg(CANDIDATE, ACTIVE) == plots.roc_svg(CANDIDATE, ACTIVE)
