"""How a network is to be trained: the specification, and the recipes offered by name."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

from ml.records import Architecture, Preprocessing

Precision = Literal["auto", "float32", "mixed_bfloat16"]  # auto: what this processor does fastest


@dataclass(frozen=True)
class TrainingSpec:
    """Everything that decides a training apart from the films and the network it may start from."""

    preset: str
    architecture: Architecture = field(default_factory=Architecture)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    fine_tune: bool = False  # start from the bundle in force and keep its architecture and preprocessing
    frozen_until: str = ""  # layers before this one stay as they are
    thaw_epochs: int = 0  # further epochs with every layer trainable, at a tenth of the rate
    epochs: int = 20
    steps_per_epoch: int = 0  # 0: as many as show each film once
    minutes: float = 0.0  # above 0: the clock, not `epochs`, ends the training and its schedule
    sizes: tuple[tuple[float, int], ...] = ()  # (until this share of the training, pixels); empty: one size
    batch_size: int = 32
    learning_rate: float = 1e-3  # peak of the one-cycle schedule
    weight_decay: float = 1e-4
    label_smoothing: float = 0.05
    augmentation: float = 0.7  # strength, 0 to 1
    keep: Literal["best", "last"] = "best"  # by validation loss
    precision: Precision = "auto"
    seed: int = 20260101

    def to_json(self) -> dict[str, Any]:
        """Return what a manifest stores of this recipe."""
        return asdict(self)


PRESETS: Final[dict[str, TrainingSpec]] = {
    "vgg16-finetune": TrainingSpec(
        preset="vgg16-finetune",
        fine_tune=True,
        frozen_until="block5_conv1",
        epochs=8,
        learning_rate=3e-4,
        weight_decay=1e-3,
        augmentation=0.5,
    ),
    "vgg16-scratch": TrainingSpec(
        preset="vgg16-scratch",
        architecture=Architecture(family="vgg16", size=160),
        preprocessing=Preprocessing(size=160),
        epochs=60,
        learning_rate=8e-4,
        weight_decay=2e-2,
        augmentation=1.0,
    ),
    "scratch-cnn": TrainingSpec(
        preset="scratch-cnn",
        architecture=Architecture(family="scratch-cnn", size=224),
        preprocessing=Preprocessing(size=224),
        epochs=60,
    ),
    "tiny-cnn": TrainingSpec(
        preset="tiny-cnn",
        architecture=Architecture(family="tiny-cnn", size=64, batch_norm=False, head="flatten"),
        preprocessing=Preprocessing(size=64, scale="unit"),
        epochs=20,
    ),
    "resnext50": TrainingSpec(
        preset="resnext50",
        architecture=Architecture(family="resnext50", size=224),
        preprocessing=Preprocessing(size=224),
        epochs=60,
        learning_rate=5e-4,
        weight_decay=1e-2,
    ),
}


def preset(name: str, *, seed: int | None = None, epochs: int | None = None) -> TrainingSpec:
    """Return a recipe by name, with another seed or length if asked; raises KeyError."""
    spec = PRESETS[name]
    if seed is not None:
        spec = replace(spec, seed=seed)
    if epochs is not None:
        spec = replace(spec, epochs=epochs)
    return spec


def at_size(spec: TrainingSpec, size: int) -> TrainingSpec:
    """Return the same recipe for another input size, in the net and in its preprocessing."""
    return replace(
        spec,
        architecture=replace(spec.architecture, size=size),
        preprocessing=replace(spec.preprocessing, size=size),
    )
