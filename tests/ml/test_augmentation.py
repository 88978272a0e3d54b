"""Augmentation keeps size and orientation, and equal seeds give equal images."""

from __future__ import annotations

import numpy as np
import pytest

from ml.datasets.augmentation import augment
from ml.recipes import RECIPES
from tests.radiographs import radiograph_grey


def test_mirroring_flips_half_of_the_images_and_no_recipe_uses_it() -> None:
    image = np.zeros((64, 64), np.uint8)
    image[:, :20] = 200
    random = np.random.default_rng(1)
    flipped = [augment(image, 64, 0.0, random, mirror=True)[0, -1] == 200 for _ in range(200)]
    assert np.mean(flipped) == pytest.approx(0.5, abs=0.1)
    assert not any(spec.mirror for spec in RECIPES.values())


def test_augmentation_is_seeded_and_returns_the_requested_size() -> None:
    image = (radiograph_grey(1) * 255).astype(np.uint8)
    first, same, other = (augment(image, 64, 1.0, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == (64, 64)
    assert first.dtype == np.uint8
    assert (first == same).all()
    assert (first != other).any()


def test_augmentation_does_not_exchange_left_and_right() -> None:
    image = np.zeros((256, 256), np.uint8)
    image[:, :100] = 200
    for seed in range(30):
        augmented = augment(image, 64, 1.0, np.random.default_rng(seed))
        assert augmented[:, :20].mean() > augmented[:, -20:].mean()


def test_strength_zero_only_resizes() -> None:
    image = np.tile(np.repeat(np.array([10, 200], np.uint8), 64), (128, 1))
    resized = augment(image, 64, 0.0, np.random.default_rng(1))
    assert (resized == image[::2, ::2]).all()
