"""A bundle that answers about square radiographs, whole or altered: what checks B3, B7, G and I ask."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from ml.datasets.patient_split import Exclusion
from ml.images.preprocessing import scale_values, to_square
from ml.images.reading import read_radiograph
from ml.inference import gradcam
from ml.metrics.statistics import Floats
from ml.networks import builder, bundle
from ml.records import Grey, LabelledImage, UnreadableImage
from ml.trust.predictions import Predictions

BATCH: Final = 16

Squares = NDArray[np.float32]  # (n, size, size), 0 black to 1 white
Maps = NDArray[np.float32]  # (n, rows, columns), not rectified


@dataclass(frozen=True)
class Seen:
    """Readable radiographs as the network sees them, before their grey values are scaled."""

    radiographs: tuple[LabelledImage, ...]
    squares: Squares
    left_out: tuple[Exclusion, ...]


class BatchPredictor:
    """One version in memory."""

    def __init__(self, directory: Path) -> None:
        """Load and verify a bundle; raises BundleError."""
        model, self.manifest = bundle.load_network(directory)
        self.classes = self.manifest.architecture.classes
        self._take(model)

    def with_model(self, model: keras.Model) -> BatchPredictor:
        """Return a reader of the same version with other weights."""
        other = copy(self)
        other._take(model)
        return other

    def _take(self, model: keras.Model) -> None:
        self.model = model
        self._explain = gradcam.explainer(model, builder.target_layer(self.manifest.architecture))

    def see(self, radiographs: Sequence[LabelledImage]) -> Seen:
        """Read radiographs; those that cannot be read, or whose finding the network cannot name, are left out."""
        kept: list[LabelledImage] = []
        squares: list[Grey] = []
        left_out: list[Exclusion] = []
        for radiograph in radiographs:
            if radiograph.label not in self.classes:
                left_out.append(Exclusion(radiograph, "finding not among the network's"))
                continue
            try:
                grey = read_radiograph(radiograph.path.read_bytes()).grey
            except (UnreadableImage, OSError) as trouble:
                left_out.append(Exclusion(radiograph, getattr(trouble, "code", "unreadable")))
                continue
            kept.append(radiograph)
            squares.append(self.square(grey))
        side = self.manifest.preprocessing.size
        stacked = np.stack(squares) if squares else np.empty((0, side, side), np.float32)
        return Seen(tuple(kept), stacked, tuple(left_out))

    def square(self, grey: Grey) -> Grey:
        """Cut a radiograph, or its mask, as the network's input is cut: (size, size)."""
        return to_square(grey, self.manifest.preprocessing)[0]

    def logits(self, squares: Squares) -> Floats:
        """Return (n, classes) logits."""
        rows = [
            np.asarray(self.model.predict_on_batch(self._inputs(squares[at : at + BATCH])), np.float64)
            for at in range(0, len(squares), BATCH)
        ]
        return np.concatenate(rows) if rows else np.empty((0, len(self.classes)))

    def answers(self, seen: Seen, squares: Squares | None = None) -> Predictions:
        """Answer for radiographs as they are, or for altered squares of them."""
        return Predictions(
            version=self.manifest.version,
            classes=self.classes,
            radiographs=seen.radiographs,
            logits=self.logits(seen.squares if squares is None else squares),
            temperature=self.manifest.temperature,
            operating_points=self.manifest.operating_points,
        )

    def maps(self, squares: Squares, place: int, method: gradcam.Method = "grad-cam") -> Maps:
        """Return the maps of one class, (n, rows, columns), not rectified."""
        found = [
            gradcam.explain(self._explain, pixels).raw[method][place] for pixels in self._inputs(squares)
        ]
        return np.stack(found)

    def _inputs(self, squares: Squares) -> NDArray[np.float32]:
        return np.stack([scale_values(square, self.manifest.preprocessing) for square in squares])
