"""Training specifications and the recipes that are offered by name."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

from ml.records import Architecture, Preprocessing

Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
PrecisionChoice = Literal[Precision, "auto"]  # auto: the fastest precision of the machine
Balance = Literal["sampling", "weights", "none"]


@dataclass(frozen=True)
class Stage:
    """A part of a training: the layers from `first_trainable` on are trained, those before it are frozen."""

    share: float  # of the epochs; the shares of all stages sum to 1
    first_trainable: str = ""  # name of the first layer that is trained; empty: all layers
    learning_rate_factor: float = 1.0  # multiplies the recipe's peak learning rate


@dataclass(frozen=True)
class TrainingSpec:
    """All parameters of a training except the images and the network that it may start from."""

    preset: str
    architecture: Architecture = field(default_factory=Architecture)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    fine_tune: bool = False  # start from the active bundle, with its architecture and preprocessing
    imagenet: bool = False  # start from ImageNet's convolutions; VGG16 only
    stages: tuple[Stage, ...] = (Stage(1.0),)  # one stage of all layers if the network lacks a named layer
    variants: int = 4  # most augmented variants of an image whose frozen features are cached; 0: no cache
    epochs: int = 20
    steps_per_epoch: int = 0  # 0: as many as show each image once
    minutes: float = 0.0  # above 0: time, not `epochs`, limits the training and its schedule
    sizes: tuple[tuple[float, int], ...] = ()  # (until this share of the training, pixels); empty: one size
    batch_size: int = 32
    learning_rate: float = 1e-3  # peak of each stage's one-cycle schedule
    weight_decay: float = 1e-4
    label_smoothing: float = 0.05
    augmentation: float = 0.7  # strength, 0 to 1
    mirror: bool = False  # mirror half of the images; off, since the heart is on one side
    balance: Balance = "sampling"  # balance the classes by sampling or by weights in the loss, never both
    keep: Literal["best", "last"] = "best"  # which epoch's weights; the best has the lowest validation loss
    precision: PrecisionChoice = "auto"
    seed: int = 20260101

    def to_json(self) -> dict[str, Any]:
        """Return the values that a manifest stores."""
        return asdict(self)


# `vgg16-finetune` trains the same groups of layers as `vgg16-imagenet`, from the active version instead of
# ImageNet.
RECIPES: Final[dict[str, TrainingSpec]] = {
    "vgg16-finetune": TrainingSpec(
        preset="vgg16-finetune",
        fine_tune=True,
        stages=(Stage(0.25, "logits"), Stage(0.5, "block5_conv1"), Stage(0.25, "block4_conv1", 0.3)),
        epochs=8,
        learning_rate=3e-4,
        weight_decay=1e-3,
        augmentation=0.5,
    ),
    "vgg16-imagenet": TrainingSpec(
        preset="vgg16-imagenet",
        architecture=Architecture(family="vgg16", size=224, channels=3, batch_norm=False, dropout=0.5),
        preprocessing=Preprocessing(size=224, channels=3, scale="caffe"),
        imagenet=True,
        stages=(Stage(0.4, "logits"), Stage(0.4, "block5_conv1", 0.03), Stage(0.2, "block4_conv1", 0.01)),
        epochs=20,
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


def get_recipe(name: str, *, seed: int | None = None, epochs: int | None = None) -> TrainingSpec:
    """Return a recipe by name, with another seed or number of epochs if given; raises KeyError."""
    spec = RECIPES[name]
    if seed is not None:
        spec = replace(spec, seed=seed)
    if epochs is not None:
        spec = replace(spec, epochs=epochs)
    return spec


def at_size(spec: TrainingSpec, size: int) -> TrainingSpec:
    """Return the recipe with another input size in pixels, in its architecture and its preprocessing."""
    return replace(
        spec,
        architecture=replace(spec.architecture, size=size),
        preprocessing=replace(spec.preprocessing, size=size),
    )
