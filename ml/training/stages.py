"""Stages of a training: which layers are trained, on images or on cached features of the frozen layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from ml.datasets.batches import AugmentedImages, ImageStore, InputFunction
from ml.recipes import Precision, Stage, TrainingSpec
from ml.training import feature_cache

MAX_GRADIENT_NORM: Final = 1.0

ShouldStop = Callable[[], bool]


@dataclass(frozen=True)
class StageModel:
    """A compiled model of the layers that a stage trains, and its inputs."""

    model: keras.Model
    input_of: InputFunction | None = None  # of cached features; None: augmented images
    validation_features: NDArray[np.float16] | None = None  # None: the validation images


@dataclass(frozen=True)
class StageBuilder:
    """Builds the model of a stage from a network and the images of a training."""

    network: keras.Model
    spec: TrainingSpec
    precision: Precision
    training_images: ImageStore
    validation_images: ImageStore
    folder: Path  # for features that exceed the memory

    def build(self, stage: Stage, steps: int, should_stop: ShouldStop) -> StageModel | None:
        """Freeze the layers, compute cached features and compile; None once `should_stop` returns True.

        `steps` is the length of the stage.
        """
        _freeze_layers(self.network, stage)
        variants = self._cached_variants(stage, steps)
        stage_model = (
            self._with_cached_features(stage, variants, should_stop) if variants else StageModel(self.network)
        )
        if stage_model is not None:
            self._compile(stage_model.model, self.spec.learning_rate * stage.learning_rate_factor)
        return stage_model

    def _cached_variants(self, stage: Stage, steps: int) -> int:
        """Return the variants of each image to cache (0: none), at most half of what the stage computes."""
        if not stage.first_trainable or self.spec.minutes > 0 or self.spec.sizes:
            return 0
        passes = steps * self.spec.batch_size // len(self.training_images.radiographs)
        return min(self.spec.variants, passes // 2)

    def _with_cached_features(
        self, stage: Stage, variants: int, should_stop: ShouldStop
    ) -> StageModel | None:
        spec = self.spec
        frozen, trainable = feature_cache.split_model(self.network, stage.first_trainable)
        augmented = AugmentedImages(self.training_images, spec.preprocessing, spec.augmentation, spec.mirror)
        inputs = (
            (
                feature_cache.variants_of(augmented, variants=variants, seed=spec.seed),
                (len(self.training_images.radiographs), variants),
            ),
            (
                self.validation_images.images(spec.preprocessing),
                (len(self.validation_images.radiographs), 1),
            ),
        )
        training, validation = (
            feature_cache.compute(
                frozen,
                images,
                shape=shape,
                batch_size=spec.batch_size,
                folder=self.folder,
                should_stop=should_stop,
            )
            for images, shape in inputs
        )
        return StageModel(trainable, training, validation.values[:, 0]) if training and validation else None

    def _compile(self, model: keras.Model, learning_rate: float) -> None:
        optimizer = keras.optimizers.AdamW(
            learning_rate, weight_decay=self.spec.weight_decay, global_clipnorm=MAX_GRADIENT_NORM
        )
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        if self.precision == "mixed_float16":  # small gradients would underflow
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        loss = keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=self.spec.label_smoothing
        )
        model.compile(optimizer, loss=loss, metrics=["accuracy"], auto_scale_loss=False)


def stages_for(model: keras.Model, spec: TrainingSpec) -> tuple[Stage, ...]:
    """Return the stages of the recipe, or one stage of all layers if the network lacks a named layer."""
    names = {"", *(layer.name for layer in model.layers)}
    return spec.stages if all(stage.first_trainable in names for stage in spec.stages) else (Stage(1.0),)


def _freeze_layers(model: keras.Model, stage: Stage) -> None:
    names = [layer.name for layer in model.layers]
    first = names.index(stage.first_trainable) if stage.first_trainable else 0
    # Layer by layer: setting the flag of the model has no effect on layers if the model has that value
    # already.
    for index, layer in enumerate(model.layers):
        layer.trainable = index >= first
