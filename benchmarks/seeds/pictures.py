"""Pictures of a reproduced system: learning curves, confusion matrix and heatmaps.

The heatmaps are drawn on the CC BY radiographs of the demonstration, whose patients no system is trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.cross_validation import FoldResult
from ml.images.decoding import decode_radiograph
from ml.inference import overlay
from ml.metrics import plots
from ml.records import EpochReport

HEATMAPS: Final = 6
SIDE: Final = 256  # pixels of one heatmap
QUALITY: Final = 85  # of the JPEG
COVID: Final = "covid-19"


def write_pictures(folder: Path, name: str, folds: Sequence[FoldResult]) -> None:
    """Write the curves of the first fold and the confusion matrix of all folds as SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    reports = [EpochReport(**epoch) for epoch in folds[0].epochs]
    (folder / f"{name}-curves.svg").write_text(plots.curves_svg(reports), encoding="utf-8")
    (folder / f"{name}-confusion.svg").write_text(_confusion(folds), encoding="utf-8")


def write_heatmaps(folder: Path, name: str, bundle: Path, shown: Path) -> None:
    """Write one row of a network's COVID-19 heatmaps on the radiographs in `shown`."""
    from ml.inference.predictor import Predictor  # TensorFlow is imported only where it is needed

    predictor = Predictor(bundle)
    files = sorted(shown.glob("*.png"))[:HEATMAPS]
    row = np.hstack([_heatmap(predictor, file.read_bytes()) for file in files])
    folder.mkdir(parents=True, exist_ok=True)
    encoded = cv2.imencode(".jpg", row, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
    (folder / f"{name}-heatmaps.jpg").write_bytes(encoded.tobytes())


def _heatmap(predictor: object, content: bytes) -> NDArray[np.uint8]:
    from ml.inference.predictor import Predictor

    assert isinstance(predictor, Predictor)
    grey = decode_radiograph(content).grey
    explanation = predictor.explain(grey)
    reference = predictor.manifest.heatmap_reference[COVID]
    png = overlay.overlay_png(grey, explanation.maps[COVID], explanation.frame, reference=reference)
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _confusion(folds: Sequence[FoldResult]) -> str:
    classes = folds[0].classes
    counts = np.zeros((len(classes), len(classes)), int)
    for fold in folds:
        for truth, found in zip(fold.truth, fold.predicted(), strict=True):
            counts[classes.index(truth), classes.index(found)] += 1
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    with mpl.rc_context(plots.STYLE):
        figure = Figure(figsize=(1.9 + 1.25 * len(classes), 1.4 + 0.8 * len(classes)), layout="constrained")
        axes = figure.subplots()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(counts):
            colour = plots.ON_DARK if shares[row, column] > 0.5 else plots.ON_LIGHT
            axes.text(column, row, str(count), color=colour, ha="center", va="center")
        axes.set_xticks(range(len(classes)), classes)
        axes.set_yticks(range(len(classes)), classes)
        axes.set(xlabel="predicted finding", ylabel="label", title=f"{folds[0].protocol}, n = {counts.sum()}")
        return plots.as_svg(figure)
