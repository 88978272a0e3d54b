"""Predictions and heatmaps of one bundle for batches of square images, also altered ones."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from ml.datasets.exclusions import Exclusion
from ml.errors import UnreadableImage
from ml.images.decoding import decode_radiograph
from ml.images.preprocessing import scale_values, to_square
from ml.inference import gradcam
from ml.metrics.statistics import Floats
from ml.networks import builder, bundle
from ml.networks.network_copy import fastest_precision, network_copy
from ml.records import Grey, LabelledImage
from ml.trust.predictions import Predictions

BATCH: Final = 16
UNKNOWN_CLASS: Final = "the network has no such class"

Squares = NDArray[np.float32]  # (n, size, size), 0 black to 1 white
Maps = NDArray[np.float32]  # (n, rows, columns), not rectified


@dataclass(frozen=True)
class NetworkInputs:
    """Readable radiographs cropped to the network's input, before grey values are scaled."""

    radiographs: tuple[LabelledImage, ...]
    squares: Squares
    excluded: tuple[Exclusion, ...]


class BatchPredictor:
    """One model version in memory."""

    def __init__(self, directory: Path) -> None:
        """Load and verify a bundle; raises BundleError."""
        model, self.manifest = bundle.load_network(directory)
        self.classes = self.manifest.architecture.classes
        self._set_model(model)

    def with_model(self, model: keras.Model) -> BatchPredictor:
        """Return a predictor of the same version with other weights."""
        other = copy(self)
        vars(other).pop("quick", None)
        other._set_model(model)
        return other

    @cached_property
    def quick(self) -> BatchPredictor:
        """The same version in the machine's fastest precision, to compare its predictions with each other."""
        precision = fastest_precision()
        if precision == "float32":
            return self
        return self.with_model(network_copy(self.model, self.manifest.architecture, precision))

    def _set_model(self, model: keras.Model) -> None:
        self.model = model
        self._explain = gradcam.build_explainer(model, builder.target_layer(self.manifest.architecture))

    def load(self, radiographs: Sequence[LabelledImage]) -> NetworkInputs:
        """Read radiographs; unreadable ones and those with a finding outside the classes are excluded."""
        included: list[LabelledImage] = []
        squares: list[Grey] = []
        excluded: list[Exclusion] = []
        for radiograph in radiographs:
            if radiograph.label not in self.classes:
                excluded.append(Exclusion(radiograph, UNKNOWN_CLASS))
                continue
            try:
                grey = decode_radiograph(radiograph.path.read_bytes()).grey
            except (UnreadableImage, OSError) as error:
                excluded.append(Exclusion(radiograph, getattr(error, "code", "unreadable")))
                continue
            included.append(radiograph)
            squares.append(self.crop(grey))
        side = self.manifest.preprocessing.size
        stacked = np.stack(squares) if squares else np.empty((0, side, side), np.float32)
        return NetworkInputs(tuple(included), stacked, tuple(excluded))

    def crop(self, grey: Grey) -> Grey:
        """Return an image, or a mask, cropped and resized like the network's input: (size, size)."""
        return to_square(grey, self.manifest.preprocessing)[0]

    def logits(self, squares: Squares) -> Floats:
        """Return (n, classes) logits."""
        rows = [
            np.asarray(self.model.predict_on_batch(self._scaled(squares[start : start + BATCH])), np.float64)
            for start in range(0, len(squares), BATCH)
        ]
        return np.concatenate(rows) if rows else np.empty((0, len(self.classes)))

    def predict(self, inputs: NetworkInputs, squares: Squares | None = None) -> Predictions:
        """Return predictions for radiographs, or for altered squares of them."""
        return Predictions(
            version=self.manifest.version,
            classes=self.classes,
            radiographs=inputs.radiographs,
            logits=self.logits(inputs.squares if squares is None else squares),
            temperature=self.manifest.temperature,
            operating_points=self.manifest.operating_points,
        )

    def heatmaps(self, squares: Squares, class_index: int, method: gradcam.Method = "grad-cam") -> Maps:
        """Return the heatmaps of one class, (n, rows, columns), not rectified."""
        batches = [
            gradcam.maps_of_class(
                self._explain, self._scaled(squares[start : start + BATCH]), class_index, method
            )
            for start in range(0, len(squares), BATCH)
        ]
        return np.concatenate(batches)

    def _scaled(self, squares: Squares) -> NDArray[np.float32]:
        return np.stack([scale_values(square, self.manifest.preprocessing) for square in squares])
