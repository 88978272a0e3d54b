"""Frozen values that ml takes and returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
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
QualityFlag = Literal["small", "long", "flat", "coloured", "inverted", "clipped", "collimated", "text"]
QualityCode = Literal[
    "not-a-radiograph", "not-a-chest", "lateral-view", "ct-slice", "paediatric", "too-small", "inverted"
]
ReferenceSource = Literal["training set", "validation set"]


@dataclass(frozen=True)
class Architecture:
    """Everything that `ml.networks.builder` needs to build a network."""

    family: Family = "vgg16"
    size: int = 224  # side of the square input in pixels
    channels: Literal[1, 3] = 1
    classes: tuple[str, ...] = ("covid-19", "pneumonia", "normal")
    batch_norm: bool = True
    head: Head = "gap"
    dropout: float = 0.3

    @property
    def has_class_activation_maps(self) -> bool:
        """Return whether the weights of the last layer give Grad-CAM without a gradient (Zhou, 2016)."""
        return self.head == "gap"


@dataclass(frozen=True)
class Preprocessing:
    """How a radiograph becomes the input of the network; part of the bundle."""

    size: int = 224  # side of the square input in pixels
    channels: Literal[1, 3] = 1
    scale: Scale = "zscore"
    geometry: Geometry = "square-crop"

    @property
    def id(self) -> str:
        """Return a name for these values, so that training and serving can be compared by one string."""
        return f"{self.geometry}-{self.size}x{self.channels}-{self.scale}"


@dataclass(frozen=True)
class Frame:
    """Position of the square network input on the radiograph, in radiograph pixels."""

    radiograph_height: int
    radiograph_width: int
    top: float
    left: float
    height: float  # of the square; exceeds the radiograph if the square is padded
    width: float


@dataclass(frozen=True)
class OutOfDistributionLimits:
    """Limits above which a radiograph is out of distribution: 99th percentiles of calibration radiographs."""

    knn: float  # distance to the tenth nearest reference radiograph, 0 to 2
    mahalanobis: float  # distance to the nearest class mean, in standard deviations
    energy: float  # -logsumexp of the logits
    source: ReferenceSource
    reference_radiographs: int
    calibration_radiographs: int


@dataclass(frozen=True)
class Manifest:
    """Description of a bundle: its network, its calibration and its origin."""

    version: str
    architecture: Architecture
    preprocessing: Preprocessing
    operating_points: dict[str, float]  # class -> probability from which on the class is flagged
    heatmap_reference: dict[str, float]  # class -> raw heatmap maximum shown at full opacity
    temperature: float = 1.0
    conformal: dict[str, float] = field(default_factory=dict)  # class -> largest 1 - p of a candidate
    abstention: float | None = None  # lowest p from which on at most 5 % of the predictions were wrong
    out_of_distribution: OutOfDistributionLimits | None = None  # None: not measured
    reference_sha256: str = ""  # of reference.npz, to which out-of-distribution distances are measured
    metrics: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)  # recipe, seed, data fingerprint, counts
    libraries: dict[str, str] = field(default_factory=dict)  # name -> version
    weights_sha256: str = ""
    weights_dtype: Literal["float16", "float32"] = "float16"
    created_at: str = ""  # ISO 8601, UTC
    parent: str = ""  # version that this one was fine-tuned from


@dataclass(frozen=True, repr=False)  # a log line or a traceback must not name the patient
class DicomHeader:
    """Patient, request, study and device of a DICOM file; a text is empty where the file has no value."""

    patient_id: str = ""
    patient_name: str = ""  # "Family, Given", and its ideographic or phonetic form in parentheses
    birth_date: date | None = None
    sex: str = ""  # M, F, O or empty
    age: int | None = None  # years at the study
    accession_number: str = ""
    study_uid: str = ""
    series_uid: str = ""
    sop_instance_uid: str = ""
    study_at: datetime | None = None  # without an offset where the file has none: local to the hospital
    view: str = ""  # PA, AP, LATERAL or empty
    body_part: str = ""
    modality: str = ""
    laterality: str = ""  # L, R, U, B or empty
    institution: str = ""
    device: str = ""  # manufacturer and model
    referrer: str = ""
    clinical_question: str = ""


@dataclass(frozen=True)
class DecodedRadiograph:
    """Pixels and attributes of a decoded radiograph."""

    grey: Grey
    bits: int  # stored depth per sample, 8 to 16
    source_format: Literal["PNG", "JPEG", "DICOM"]
    pixel_sha256: str  # of shape and 16-bit grey; equal for every lossless encoding of the image
    view: str = ""  # PA, AP, LATERAL or empty, from DICOM tags
    sex: str = ""  # M, F or empty, from DICOM tags
    age: int | None = None  # years
    study_at: datetime | None = None
    colour: float = 0.0  # mean |red - blue|, 0 to 255; 0 in a grey file
    header: DicomHeader | None = field(default=None, repr=False)  # of a DICOM file

    @property
    def height(self) -> int:
        return int(self.grey.shape[0])

    @property
    def width(self) -> int:
        return int(self.grey.shape[1])


@dataclass(frozen=True)
class ClassMap:
    """Grad-CAM of one class at the resolution of the last convolution."""

    grid: Grid
    raw_max: float  # maximum of the grid, in units of the logit
    no_positive_evidence: bool  # nothing is above 0: the grid is all zeros


@dataclass(frozen=True)
class Measurement:
    """One out-of-distribution distance with its limit."""

    value: float
    limit: float

    @property
    def exceeded(self) -> bool:
        """Return whether the value is above the limit or is NaN."""
        return not self.value <= self.limit


@dataclass(frozen=True)
class OutOfDistribution:
    """Distance of a radiograph from the training data by three measures."""

    knn: Measurement
    mahalanobis: Measurement
    energy: Measurement

    @property
    def exceeded(self) -> bool:
        """Return whether any measure exceeds its limit."""
        return self.knn.exceeded or self.mahalanobis.exceeded or self.energy.exceeded


@dataclass(frozen=True)
class Explanation:
    """Prediction of a model version for one radiograph, with heatmaps and uncertainty."""

    probabilities: dict[str, float]  # class -> calibrated probability, sum 1
    logits: dict[str, float]
    finding: str  # class of the highest probability
    maps: dict[str, ClassMap]
    frame: Frame
    layer: str  # whose activations the heatmaps explain
    method: Literal["grad-cam"]
    version: str
    preprocessing_id: str
    seconds: dict[str, float]  # step -> seconds: prepare, network
    features: Features  # of the last layers, each averaged over its cells and of unit length
    outcome: PredictionOutcome = "finding"
    candidates: tuple[str, ...] = ()  # conformal set, highest probability first; empty if not calibrated
    out_of_distribution: OutOfDistribution | None = None  # None: the version has no reference
    low_confidence: bool = False  # the highest probability is below the version's abstention threshold
    quality_flags: tuple[QualityFlag, ...] = ()  # why the image may not be a plain chest radiograph
    engine: str = ""  # that computed it, as `Engine.name`


@dataclass(frozen=True)
class LabelledImage:
    """One radiograph with its finding; the file is read when its pixels are needed."""

    path: Path
    label: str
    patient: str  # a pseudonym, never the patient reference of a hospital
    source: str = ""  # collection or site
    view: str = ""  # PA, AP, LATERAL or empty


@dataclass(frozen=True)
class EpochReport:
    """Metrics of one training epoch."""

    epoch: int  # from 1
    epochs: int  # expected number of epochs
    loss: float  # nats
    accuracy: float  # 0 to 1
    val_loss: float  # nats
    val_accuracy: float  # 0 to 1
    seconds: float
    phase: str = ""  # which layers are trained, and the image size
