"""The five systems: what was published, and the task, the networks and the sources that reproduce each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.collections_on_disk import OTHER
from benchmarks.cross_validation import SEED
from benchmarks.seeds.collections import Collections, pa_views, sample, with_label
from benchmarks.seeds.trunk import FROM_TRUNK, fine_tuning_spec
from ml.recipes import Stage, TrainingSpec, at_size, get_recipe
from ml.records import LabelledImage

COVID, PNEUMONIA, NORMAL = "covid-19", "pneumonia", "normal"
SIZE: Final = 128  # pixels, of all networks except the tiny one
SMALL_SET: Final = 140  # radiographs of each class in the system with 280
PER_CLASS: Final = 500  # of the larger tasks and of the sources left out, at most
EPOCHS: Final = {"resnext50": 20}  # of the recipe's 60: each takes a minute on one core
TRUNK: Final = frozenset({"vgg16-head", FROM_TRUNK})  # networks that start from the pre-trained trunk

Select = Callable[[Collections], Sequence[LabelledImage]]


@dataclass(frozen=True)
class System:
    """One of the five systems; `published` is what its authors claim, never a goal of the valid protocols."""

    key: str
    title: str
    published: str
    networks: tuple[str, ...]
    radiographs: Select
    left_out: Select  # test set from sources that `radiographs` does not contain
    differs: str  # how the protocol differs from the published one


def _of_radiography(data: Collections) -> Sequence[LabelledImage]:
    return data.of(*(sample(with_label(data.radiography_of_the_systems(), name), PER_CLASS) for name in _TWO))


def _small_set(data: Collections) -> Sequence[LabelledImage]:
    children = with_label(data.children, NORMAL)
    adults = sample(with_label(data.nih, NORMAL), SMALL_SET - len(children))
    return data.of(sample(pa_views(with_label(data.cohen, COVID)), SMALL_SET), children, adults)


def _cohen_and_normal(data: Collections) -> Sequence[LabelledImage]:
    children = with_label(data.children, NORMAL)
    adults = sample(with_label(data.nih, NORMAL), PER_CLASS - len(children))
    return data.of(with_label(data.cohen, COVID), children, adults)


def _three_classes(data: Collections) -> Sequence[LabelledImage]:
    return data.of(pa_views(with_label(data.cohen, COVID)), data.children)


def _tiny(data: Collections) -> Sequence[LabelledImage]:
    return data.of(_covid_or_other(pa_views(with_label(data.cohen, COVID, PNEUMONIA, NORMAL))))


def _radiography(data: Collections) -> Sequence[LabelledImage]:
    return [
        image
        for name in _TWO
        for image in sample(with_label(data.radiography_of_the_systems(), name), PER_CLASS)
    ]


def _cohen_and_nih(data: Collections) -> Sequence[LabelledImage]:
    return [*with_label(data.cohen, COVID), *sample(with_label(data.nih, NORMAL), PER_CLASS)]


def _radiography_and_nih(data: Collections) -> Sequence[LabelledImage]:
    return [*_radiography(data), *sample(with_label(data.nih, PNEUMONIA), PER_CLASS)]


def _radiography_or_other(data: Collections) -> Sequence[LabelledImage]:
    return _covid_or_other(_radiography(data))


def _covid_or_other(radiographs: Sequence[LabelledImage]) -> list[LabelledImage]:
    return [image if image.label == COVID else replace(image, label=OTHER) for image in radiographs]


_TWO: Final = (COVID, NORMAL)

SYSTEMS: Final = (
    System(
        "vgg16-head",
        "VGG16 with a trained head and Grad-CAM",
        "about 85 %",
        ("vgg16-head",),
        _of_radiography,
        _cohen_and_nih,
        "two classes, not four: only COVID-19 and normal of the database are at hand",
    ),
    System(
        "small-set",
        "CNN trained on 280 radiographs, with augmentation",
        "97 % and 96 %",
        ("scratch-cnn",),
        _small_set,
        _radiography,
        "half of the normal radiographs are adults of NIH: 69 of Kaggle's are at hand",
    ),
    System(
        "vgg16-and-scratch-cnn",
        "VGG16 beside a CNN from scratch",
        "98.24 % and 97.06 %",
        (FROM_TRUNK, "scratch-cnn", "resnext50"),
        _cohen_and_normal,
        _radiography,
        "431 of 500 normal radiographs are NIH's; ResNeXt-50 stands for COVID-Next, which inspired the study",
    ),
    System(
        "three-classes",
        "Three classes: PA views of Cohen's collection, and Kaggle",
        "none",
        (FROM_TRUNK, "scratch-cnn"),
        _three_classes,
        _radiography_and_nih,
        "204 of Kaggle's 5,856 radiographs are at hand",
    ),
    System(
        "tiny-cnn",
        "Tiny CNN behind a web form",
        "73 %",
        ("tiny-cnn",),
        _tiny,
        _radiography_or_other,
        "the published set is not known: COVID-19 against all other PA views of one collection",
    ),
)


def spec_of(network: str, imagenet: Path | None) -> TrainingSpec:
    """Return the training specification of a network of the systems.

    VGG16 starts from ImageNet's weights when a file is given, otherwise from the pre-trained trunk.
    """
    if network in TRUNK:
        spec = get_recipe("vgg16-imagenet" if imagenet else "vgg16-finetune")
        if network == "vgg16-head":
            spec = replace(spec, stages=(Stage(1.0, "logits"),), epochs=20, learning_rate=1e-3, variants=2)
        elif not imagenet:
            spec = fine_tuning_spec()
        return replace(spec, preset=network, seed=SEED)
    spec = get_recipe(network, epochs=EPOCHS.get(network))
    return replace(spec if network == "tiny-cnn" else at_size(spec, SIZE), seed=SEED)
