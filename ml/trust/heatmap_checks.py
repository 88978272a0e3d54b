"""Checks G: faithfulness of the heatmaps to the network (docs/trust.md).

No single check is a proof: a shortcut inside the lungs passes the localisation check G1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import keras
import numpy as np
from scipy.stats import wilcoxon

from ml.metrics.evaluation_result import SEED
from ml.networks import builder
from ml.trust import catalogue, heatmap_measures
from ml.trust.batch_predictor import BatchPredictor, Maps
from ml.trust.check import NotPossible, Outcome, Status, check
from ml.trust.evaluation_set import EvaluationSet
from ml.trust.heatmap_measures import energy_in_lungs, pointing_game, rank_correlation
from ml.trust.structural_similarity import structural_similarity

ENRICHED, NOT_ENRICHED, POINTED = 1.5, 1.1, 0.80
RANDOM_MAPS: Final = 10
P: Final = 0.01
MAX_COMPLETENESS_ERROR: Final = 1e-3
MAX_RADIOGRAPHS: Final = 50
MIN_RADIOGRAPHS: Final = 5


@check(
    catalogue.LUNG_LOCALISATION,
    threshold="median enrichment at least 1.5 and pointing at least 0.80 PASS, enrichment below 1.1 FAIL (*)",
)
def lung_localisation(test_set: EvaluationSet) -> Outcome:
    """Measure the target heatmap's energy in the lungs, relative to the lungs' share of the image."""
    selected = _true_positives(test_set)
    squares = test_set.squares[selected]
    maps = heatmap_measures.upsampled(
        test_set.predictor.heatmaps(squares, test_set.target_index), squares.shape[1]
    )
    positive = maps.max(axis=(1, 2)) > 0
    if positive.sum() < MIN_RADIOGRAPHS:
        raise NotPossible(f"Fewer than {MIN_RADIOGRAPHS} heatmaps of true positives have a value above 0.")
    maps, lungs = maps[positive], test_set.lungs[selected][positive]
    energy, enrichment = energy_in_lungs(maps, lungs)
    pointed = int(pointing_game(maps, lungs).sum())
    median, share = float(np.median(enrichment)), pointed / len(maps)
    passed = median >= ENRICHED and share >= POINTED
    status: Status = "PASS" if passed else "FAIL" if median < NOT_ENRICHED else "WARN"
    return Outcome(
        status,
        f"Of the heatmap for {test_set.predictions.target}, {np.median(energy):.0%} lies in the lungs, "
        f"{median:.2f} times their share of the image (medians). The maximum lies in the lungs in {pointed} "
        f"of {len(maps)} radiographs. {test_set.lung_region_note}",
        value=median,
        n=len(maps),
        metrics={"in_lung_energy": float(np.median(energy)), "pointing": share},
    )


@check(
    catalogue.DELETION,
    threshold="deletion area below that of random maps, paired Wilcoxon p < 0.01 PASS, else WARN",
)
def deletion(test_set: EvaluationSet, *, limit: int = 20) -> Outcome:
    """Blur the image in steps of 5 % by descending heatmap value, compared with ten random maps."""
    selected = _true_positives(test_set)[:limit]
    squares = test_set.squares[selected]
    grids = np.maximum(test_set.predictor.heatmaps(squares, test_set.target_index), 0)
    own, by_chance, insertion = [], [], []
    random = np.random.default_rng(SEED)
    for square, grid in zip(squares, grids, strict=True):
        side = square.shape[0]
        order = heatmap_measures.resized(grid, side)
        chance = [
            heatmap_measures.resized(random.random(grid.shape).astype(np.float32), side)
            for _ in range(RANDOM_MAPS)
        ]
        area, *others = heatmap_measures.curve_areas(test_set, square, [order, *chance])
        own.append(area)
        by_chance.append(float(np.mean(others)))
        insertion += heatmap_measures.curve_areas(test_set, square, [order], insert=True)
    difference = np.array(own) - np.array(by_chance)
    p = float(wilcoxon(difference).pvalue) if np.any(difference) else 1.0
    return Outcome(
        "PASS" if float(np.mean(difference)) < 0 and p < P else "WARN",
        f"Blurring the highest heatmap values first leaves {test_set.predictions.target} a mean probability "
        f"of {np.mean(own):.3f}, blurring in random order {np.mean(by_chance):.3f} (p = {p:.3f}).",
        value=float(np.mean(own)),
        n=len(own),
        metrics={"random": float(np.mean(by_chance)), "insertion": float(np.mean(insertion)), "p": p},
    )


@check(
    catalogue.WEIGHT_RANDOMISATION,
    threshold="median similarity with random head and last block below that of two different radiographs "
    "PASS, else WARN",
)
def weight_randomisation(test_set: EvaluationSet, *, limit: int = MAX_RADIOGRAPHS) -> Outcome:
    """Compare heatmaps before and after randomising layers; a heatmap of the weights must change."""
    squares, target = test_set.squares[:limit], test_set.target_index
    if len(squares) < MIN_RADIOGRAPHS:
        raise NotPossible(f"The check needs {MIN_RADIOGRAPHS} radiographs.")
    trained = heatmap_measures.normalised(test_set.predictor.heatmaps(squares, target), squares.shape[1])
    base = _similarity_of_different_radiographs(trained)
    metrics, value = {"different_radiographs": base}, 1.0
    for stage, randomised in randomised_stages(test_set.predictor):
        maps = heatmap_measures.normalised(randomised.heatmaps(squares, target), squares.shape[1])
        value = _median_similarity(trained, maps)
        ranks = [rank_correlation(one, other) for one, other in zip(trained, maps, strict=True)]
        metrics |= {f"similarity after {stage}": value, f"spearman after {stage}": float(np.median(ranks))}
    return Outcome(
        "PASS" if value < base else "WARN",
        f"After randomising the head and the last block, the structural similarity to the heatmaps of the "
        f"trained network is {value:.2f} (median); heatmaps of different radiographs have {base:.2f}.",
        value=value,
        n=len(squares),
        metrics=metrics,
    )


@check(
    catalogue.SEED_REPRODUCIBILITY,
    threshold="median similarity of two seeds above that of two different radiographs PASS, else WARN",
)
def seed_reproducibility(test_set: EvaluationSet, *, second: Path | None = None) -> Outcome:
    """Compare the heatmaps with those of a second training that differs only in its seed."""
    if second is None:
        raise NotPossible("No second training of the same recipe was given.")
    squares, target = test_set.squares[:MAX_RADIOGRAPHS], test_set.target_index
    maps, others = (
        heatmap_measures.normalised(predictor.heatmaps(squares, target), squares.shape[1])
        for predictor in (test_set.predictor, BatchPredictor(second))
    )
    base = _similarity_of_different_radiographs(maps)
    value = _median_similarity(maps, others)
    summary = (
        f"Heatmaps of two seeds have a structural similarity of {value:.2f} (median); heatmaps of different "
        f"radiographs have {base:.2f}."
    )
    status: Status = "PASS" if value > base else "WARN"
    return Outcome(status, summary, value=value, n=len(maps), metrics={"different_radiographs": base})


@check(
    catalogue.HIRESCAM_COMPLETENESS,
    threshold="sum of HiResCAM equals logit minus bias within 0.001, else WARN",
)
def hirescam_completeness(test_set: EvaluationSet) -> Outcome:
    """Compare the sum of HiResCAM with the logit; they are equal for average pooling and one dense layer."""
    predictor = test_set.predictor
    dense = [layer for layer in predictor.model.layers if isinstance(layer, keras.layers.Dense)]
    if predictor.manifest.architecture.head != "gap" or len(dense) > 1:
        raise NotPossible("Completeness holds only for global average pooling and one dense layer.")
    squares, target = test_set.squares[:MAX_RADIOGRAPHS], test_set.target_index
    bias = float(predictor.model.get_layer("logits").get_weights()[1][target])
    logits = predictor.logits(squares)[:, target] - bias
    sums = predictor.heatmaps(squares, target, "hirescam").sum(axis=(1, 2))
    value = float(np.max(np.abs(sums - logits) / np.maximum(np.abs(logits), 1e-9)))
    summary = f"HiResCAM sums to the logit within a relative error of {value:.1e}."
    status: Status = "PASS" if value < MAX_COMPLETENESS_ERROR else "WARN"
    return Outcome(status, summary, value=value, n=len(squares))


def randomised_stages(predictor: BatchPredictor) -> list[tuple[str, BatchPredictor]]:
    """Return predictors with a random head, and with a random head and random last convolutions."""
    architecture = predictor.manifest.architecture
    keras.utils.set_random_seed(SEED)
    random = builder.build(architecture)
    trainable = [layer.name for layer in random.layers if layer.get_weights() and layer.name != "logits"]
    block = [name for name in trainable if name.startswith("block5")] or trainable[-2:]
    stages = {"head": ["logits"], "head and last block": ["logits", *block]}
    return [(stage, _with_layers_of(predictor, random, names)) for stage, names in stages.items()]


def _with_layers_of(predictor: BatchPredictor, random: keras.Model, names: list[str]) -> BatchPredictor:
    model = builder.build(predictor.manifest.architecture)
    model.set_weights(predictor.model.get_weights())
    for name in names:
        model.get_layer(name).set_weights(random.get_layer(name).get_weights())
    return predictor.with_model(model)


def _true_positives(test_set: EvaluationSet) -> np.ndarray:
    predictions = test_set.predictions
    hits = predictions.truth & (predictions.predicted == test_set.target_index)
    selected = np.flatnonzero(hits)[:MAX_RADIOGRAPHS]
    if len(selected) < MIN_RADIOGRAPHS:
        raise NotPossible(
            f"Fewer than {MIN_RADIOGRAPHS} radiographs with {predictions.target} were predicted correctly."
        )
    return selected


def _median_similarity(maps: Maps, others: Maps) -> float:
    return float(np.median([structural_similarity(a, b) for a, b in zip(maps, others, strict=True)]))


def _similarity_of_different_radiographs(maps: Maps) -> float:
    random = np.random.default_rng(SEED)
    pairs = [random.choice(len(maps), 2, replace=False) for _ in range(MAX_RADIOGRAPHS)]
    return float(np.mean([structural_similarity(maps[a], maps[b]) for a, b in pairs]))
