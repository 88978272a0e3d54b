"""The frozen values that cross ml's border."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Grey: TypeAlias = NDArray[np.float32]  # (height, width), 0 black to 1 white
Grid: TypeAlias = NDArray[np.float32]  # (rows, columns) of the last convolution, >= 0

Features: TypeAlias = NDArray[np.float32]  # (width,)

Family = Literal["vgg16", "scratch-cnn", "tiny-cnn", "resnext50"]
Head = Literal["gap", "flatten"]
Scale = Literal["zscore", "unit", "caffe"]
Geometry = Literal["square-crop", "letterbox", "stretch"]
PredictionOutcome = Literal["finding", "indeterminate", "out-of-distribution"]
QualityFlag = Literal["small", "long", "flat", "coloured", "inverted"]
ReferenceSource = Literal["training set", "validation set"]


class UnreadableImage(ValueError):
    """A file that is no usable radiograph; `code` is stable, the message is for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BundleError(ValueError):
    """A bundle that is damaged, incomplete or not what its manifest says."""


@dataclass(frozen=True)
class Architecture:
    """What the one network builder needs to build a net."""

    family: Family = "vgg16"
    size: int = 224  # side of the square input in pixels
    channels: Literal[1, 3] = 1
    classes: tuple[str, ...] = ("covid-19", "pneumonia", "normal")
    batch_norm: bool = True
    head: Head = "gap"
    dropout: float = 0.3


@dataclass(frozen=True)
class Preprocessing:
    """How a radiograph becomes the net's input; stored in the bundle and never guessed."""

    size: int = 224
    channels: Literal[1, 3] = 1
    scale: Scale = "zscore"
    geometry: Geometry = "square-crop"

    @property
    def id(self) -> str:
        """Name this recipe, so that training and serving can be compared by one string."""
        return f"{self.geometry}-{self.size}x{self.channels}-{self.scale}"


@dataclass(frozen=True)
class Frame:
    """Where the net's square input lies on the radiograph: radiograph pixel = offset + input pixel * scale."""

    radiograph_height: int
    radiograph_width: int
    top: float
    left: float
    height: float  # of the square, in radiograph pixels (exceeds the radiograph where padding lies)
    width: float


@dataclass(frozen=True)
class OutOfDistributionLimits:
    """Beyond these a radiograph counts as unlike those learnt from: 99th percentiles of calibration radiographs."""

    knn: float  # distance to the tenth nearest reference radiograph, 0 to 2
    mahalanobis: float  # distance to the nearest class, in standard deviations
    energy: float  # -logsumexp of the logits
    source: ReferenceSource
    reference_radiographs: int
    calibration_radiographs: int


@dataclass(frozen=True)
class Manifest:
    """The first page of a bundle: what this network is and how it may be used."""

    version: str
    architecture: Architecture
    preprocessing: Preprocessing
    operating_points: dict[str, float]  # class -> probability from which its flag is raised
    heatmap_reference: dict[str, float]  # class -> raw map maximum that counts as full heat
    temperature: float = 1.0
    conformal: dict[str, float] = field(default_factory=dict)  # class -> largest 1 - p that keeps it named
    abstention: float | None = None  # lowest p from which at most 5 % of the answers were wrong
    out_of_distribution: OutOfDistributionLimits | None = None  # None: not measured
    reference_sha256: str = ""  # of reference.npz, which holds what out_of_distribution is measured against
    metrics: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)  # recipe, seed, data fingerprint, counts
    libraries: dict[str, str] = field(default_factory=dict)
    weights_sha256: str = ""
    weights_dtype: Literal["float16", "float32"] = "float16"
    created_at: str = ""  # ISO 8601, UTC
    parent: str = ""  # the version this one was fine-tuned from


@dataclass(frozen=True)
class DecodedRadiograph:
    """A decoded radiograph."""

    grey: Grey
    bits: int  # stored depth per sample, 8 to 16
    source_format: Literal["PNG", "JPEG", "DICOM"]
    pixel_sha256: str  # of shape and 16-bit grey pixels, the same radiograph in another wrapping has the same
    view: str = ""  # PA, AP, LATERAL or empty, from DICOM tags
    sex: str = ""  # M, F or empty, from DICOM tags
    age: int | None = None  # years
    study_at: datetime | None = None
    colour: float = 0.0  # mean |red - blue|, 0 to 255; 0 in a grey file

    @property
    def height(self) -> int:
        return int(self.grey.shape[0])

    @property
    def width(self) -> int:
        return int(self.grey.shape[1])


@dataclass(frozen=True)
class ClassMap:
    """Grad-CAM of one class, before any resizing."""

    grid: Grid
    raw_max: float
    no_positive_evidence: bool


@dataclass(frozen=True)
class Measured:
    """One measure of out_of_distribution beside its limit."""

    value: float
    limit: float

    @property
    def exceeded(self) -> bool:
        """Say whether the radiograph lies beyond the limit; so does one that gives no number."""
        return not self.value <= self.limit


@dataclass(frozen=True)
class OutOfDistribution:
    """How far a radiograph lies from those its network learnt from, by three measures."""

    knn: Measured
    mahalanobis: Measured
    energy: Measured

    @property
    def exceeded(self) -> bool:
        """Say whether any of the three lies beyond its limit."""
        return self.knn.exceeded or self.mahalanobis.exceeded or self.energy.exceeded


@dataclass(frozen=True)
class Explanation:
    """What a predictor says of one radiograph."""

    probabilities: dict[str, float]  # class -> calibrated probability, sum 1
    logits: dict[str, float]
    finding: str  # class of the highest probability
    maps: dict[str, ClassMap]
    frame: Frame
    layer: str
    method: Literal["grad-cam"]
    version: str
    preprocessing_id: str
    seconds: dict[str, float]  # step -> seconds: prepare, network
    features: Features  # of the last layers, each averaged over its cells and of unit length
    outcome: PredictionOutcome = "finding"
    candidates: tuple[str, ...] = ()  # classes that cannot be excluded, the likeliest first; () if unmeasured
    out_of_distribution: OutOfDistribution | None = None  # None: this version has nothing to compare with
    doubtful: bool = False  # the highest probability is below the version's abstention threshold
    quality_flags: tuple[QualityFlag, ...] = ()  # why the picture may be no plain chest radiograph


@dataclass(frozen=True)
class LabelledImage:
    """One training example; the radiograph stays on disk until it is needed."""

    path: Path
    label: str
    patient: str  # a pseudonym, never a hospital's reference
    source: str = ""
    view: str = ""


@dataclass(frozen=True)
class EpochReport:
    """What one epoch of training came to."""

    epoch: int  # from 1
    epochs: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float
    phase: str = ""
