"""How a network is to be trained: the specification, and the recipes offered by name."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

from ml.records import Architecture, Preprocessing

Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
Wish = Literal[Precision, "auto"]  # auto: what this machine does fastest
Balance = Literal["sampling", "weights", "none"]


@dataclass(frozen=True)
class Stage:
    """A part of a training: the layers from one on learn, those before it stand still."""

    share: float  # of the epochs; those of all stages sum to 1
    learns_from: str = ""  # first layer that learns; empty: every layer does
    rate: float = 1.0  # of the recipe's peak learning rate


@dataclass(frozen=True)
class TrainingSpec:
    """Everything that decides a training apart from the radiographs and the network it may start from."""

    preset: str
    architecture: Architecture = field(default_factory=Architecture)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    fine_tune: bool = False  # start from the bundle in force and keep its architecture and preprocessing
    imagenet: bool = False  # start from ImageNet's convolutions, which only a VGG16 can take
    stages: tuple[Stage, ...] = (Stage(1.0),)  # a net that lacks a layer they name learns as a whole
    variants: int = (
        4  # changed copies of a radiograph that pass a frozen trunk, at most; 0: it runs at every step
    )
    epochs: int = 20
    steps_per_epoch: int = 0  # 0: as many as show each radiograph once
    minutes: float = 0.0  # above 0: the clock, not `epochs`, ends the training and its schedule
    sizes: tuple[tuple[float, int], ...] = ()  # (until this share of the training, pixels); empty: one size
    batch_size: int = 32
    learning_rate: float = 1e-3  # peak of each stage's one-cycle schedule
    weight_decay: float = 1e-4
    label_smoothing: float = 0.05
    augmentation: float = 0.7  # strength, 0 to 1
    mirror: bool = False  # half of the radiographs; off, since the heart has a side
    balance: Balance = "sampling"  # draw classes equally, or weigh them in the loss: never both
    keep: Literal["best", "last"] = "best"  # by validation loss
    precision: Wish = "auto"
    seed: int = 20260101

    def to_json(self) -> dict[str, Any]:
        """Return what a manifest stores of this recipe."""
        return asdict(self)


# Guide trust.md section 8. Preset S is `scratch-cnn`, preset V `vgg16-scratch` (rate and decay as measured
# there), preset T `vgg16-imagenet`; `vgg16-finetune` takes T's stages from the version in force instead.
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
    """Return a recipe by name, with another seed or length if asked; raises KeyError."""
    spec = RECIPES[name]
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
