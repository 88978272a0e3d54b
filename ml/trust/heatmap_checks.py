"""Checks G: whether the heat maps show what the network used (guide section 4).

A pass is never a proof by itself: a shortcut inside the lungs passes G1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import keras
import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.special import softmax
from scipy.stats import spearmanr, wilcoxon

from ml.images.preprocessing import resize
from ml.metrics.evaluation_result import SEED
from ml.metrics.statistics import Floats
from ml.networks import builder
from ml.records import Grey
from ml.trust.batch_predictor import BatchPredictor, Maps, Squares
from ml.trust.check import NotPossible, Outcome, Status, check
from ml.trust.evaluation_set import EvaluationSet, LungRegions
from ml.trust.structural_similarity import structural_similarity

ENRICHED, NOT_ENRICHED, POINTED = 1.5, 1.1, 0.80
DILATED: Final = 0.02  # of the side
STEPS: Final = 20
RANDOM_MAPS: Final = 10
FILL_BLUR: Final = 0.10  # of the side
P: Final = 0.01
INCOMPLETE: Final = 1e-3
MOST: Final = 50
FEWEST: Final = 5


@check(
    "G1",
    threshold="median enrichment at least 1.5 and pointing at least 0.80 PASS, enrichment below 1.1 FAIL (*)",
)
def in_the_lungs(examined: EvaluationSet) -> Outcome:
    """Measure how much of the target's heat lies in the lungs, beside the lungs' share of the picture."""
    hits = _true_hits(examined)
    maps = _upsampled(
        examined.reader.maps(examined.squares[hits], examined.target), examined.squares.shape[1]
    )
    speaking = maps.max(axis=(1, 2)) > 0
    if speaking.sum() < FEWEST:
        raise NotPossible("Hardly any map of a radiograph rightly named shows heat at all.")
    maps, lungs = maps[speaking], examined.lungs[hits][speaking]
    energy, enrichment = energies(maps, lungs)
    pointed = int(pointing(maps, lungs).sum())
    middle, share = float(np.median(enrichment)), pointed / len(maps)
    passed = middle >= ENRICHED and share >= POINTED
    status: Status = "PASS" if passed else "FAIL" if middle < NOT_ENRICHED else "WARN"
    return Outcome(
        status,
        f"Of the heat for {examined.answers.target}, {np.median(energy):.0%} lies in the lungs, {middle:.2f} "
        f"times their share of the picture; the hottest point lies there in {pointed} of {len(maps)} radiographs. "
        f"{examined.outline}",
        value=middle,
        n=len(maps),
        figures={"in_lung_energy": float(np.median(energy)), "pointing": share},
    )


@check("G2", threshold="deletion lower than by random maps, paired Wilcoxon p < 0.01 PASS, else WARN")
def deletion(examined: EvaluationSet, *, most: int = 20) -> Outcome:
    """Blur away the hottest 5 % after 5 %, and compare with ten random maps of the same smoothness."""
    hits = _true_hits(examined)[:most]
    squares = examined.squares[hits]
    grids = np.maximum(examined.reader.maps(squares, examined.target), 0)
    own, others, kept = [], [], []
    random = np.random.default_rng(SEED)
    for square, grid in zip(squares, grids, strict=True):
        order = _resized(grid, square.shape[0])
        own.append(_area_of(examined, square, order, insert=False))
        kept.append(_area_of(examined, square, order, insert=True))
        chance = [
            _resized(random.random(grid.shape).astype(np.float32), square.shape[0])
            for _ in range(RANDOM_MAPS)
        ]
        others.append(float(np.mean([_area_of(examined, square, one, insert=False) for one in chance])))
    difference = np.array(own) - np.array(others)
    p = float(wilcoxon(difference).pvalue) if np.any(difference) else 1.0
    lower = float(np.mean(difference)) < 0
    return Outcome(
        "PASS" if lower and p < P else "WARN",
        f"Blurring what is hottest first leaves {examined.answers.target} a mean probability of "
        f"{np.mean(own):.3f}, blurring at random {np.mean(others):.3f} (p = {p:.3f}).",
        value=float(np.mean(own)),
        n=len(own),
        figures={"random": float(np.mean(others)), "insertion": float(np.mean(kept)), "p": p},
    )


@check(
    "G3",
    threshold="median likeness below that of two different radiographs' maps once head and last block are random",
)
def randomised(examined: EvaluationSet, *, most: int = MOST) -> Outcome:
    """Make the network forget from its head downwards; a map that stays the same did not come from it."""
    squares, place = examined.squares[:most], examined.target
    if len(squares) < FEWEST:
        raise NotPossible(f"It needs {FEWEST} radiographs.")
    trained = _shown(examined.reader.maps(squares, place), squares.shape[1])
    base = _base_likeness(trained)
    figures, value = {"different_radiographs": base}, 1.0
    for stage, forgetful in forgetting(examined.reader):
        maps = _shown(forgetful.maps(squares, place), squares.shape[1])
        value = float(np.median([structural_similarity(a, b) for a, b in zip(trained, maps, strict=True)]))
        ranks = [rank_correlation(a, b) for a, b in zip(trained, maps, strict=True)]
        figures |= {f"likeness after {stage}": value, f"spearman after {stage}": float(np.median(ranks))}
    return Outcome(
        "PASS" if value < base else "WARN",
        f"With a random head and last block the maps are {value:.2f} alike the trained network's; maps "
        f"of different radiographs are {base:.2f} alike.",
        value=value,
        n=len(squares),
        figures=figures,
    )


@check(
    "G4",
    threshold="median likeness of two seeds above that of two different radiographs' maps PASS, else WARN",
)
def reproduced(examined: EvaluationSet, *, second: Path | None = None) -> Outcome:
    """Compare the maps with those of a second training that differs in its seed alone."""
    if second is None:
        raise NotPossible("No second training of the same recipe was given.")
    squares, place = examined.squares[:MOST], examined.target
    maps, others = (
        _shown(one.maps(squares, place), squares.shape[1])
        for one in (examined.reader, BatchPredictor(second))
    )
    base = _base_likeness(maps)
    value = float(np.median([structural_similarity(a, b) for a, b in zip(maps, others, strict=True)]))
    words = f"Maps of two seeds are {value:.2f} alike; those of different radiographs {base:.2f}."
    return Outcome(
        "PASS" if value > base else "WARN", words, value=value, n=len(maps), figures={"base": base}
    )


@check("G5", threshold="HiResCAM's sum equals logit less bias within 0.001, else WARN")
def complete(examined: EvaluationSet) -> Outcome:
    """Check that HiResCAM adds up to the score it explains, as it must for a head of average and dense."""
    dense = [layer for layer in examined.reader.model.layers if isinstance(layer, keras.layers.Dense)]
    if examined.reader.manifest.architecture.head != "gap" or len(dense) > 1:
        raise NotPossible("Only a head of global average pooling and one dense layer adds up by theory.")
    squares, place = examined.squares[:MOST], examined.target
    bias = float(examined.reader.model.get_layer("logits").get_weights()[1][place])
    scores = examined.reader.logits(squares)[:, place] - bias
    sums = examined.reader.maps(squares, place, "hirescam").sum(axis=(1, 2))
    value = float(np.max(np.abs(sums - scores) / np.maximum(np.abs(scores), 1e-9)))
    words = f"HiResCAM adds up to the score within {value:.1e} of it."
    return Outcome("PASS" if value < INCOMPLETE else "WARN", words, value=value, n=len(squares))


def energies(maps: Maps, lungs: LungRegions) -> tuple[Floats, Floats]:
    """Return the share of each map's energy in the lungs, and that over the lungs' share of the picture."""
    energy: Floats = (maps * lungs).sum(axis=(1, 2)) / maps.sum(axis=(1, 2))
    return energy, energy / lungs.mean(axis=(1, 2))


def rank_correlation(one: Grey, other: Grey) -> float:
    """Return Spearman's correlation of two maps, -1 to 1; 0 where one of them is the same everywhere."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one.ravel(), other.ravel()).statistic)


def pointing(maps: Maps, lungs: LungRegions) -> np.ndarray:
    """Return whether each map's hottest point lies in the lungs, widened by 2 % of the side."""
    reach = 2 * max(1, round(DILATED * maps.shape[1])) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    wide = [cv2.dilate(lung.astype(np.uint8), kernel) for lung in lungs]
    return np.array([bool(lung.ravel()[heat.argmax()]) for lung, heat in zip(wide, maps, strict=True)])


def forgetting(reader: BatchPredictor) -> list[tuple[str, BatchPredictor]]:
    """Return readers whose head is random, and whose head and last convolutions are."""
    architecture = reader.manifest.architecture
    keras.utils.set_random_seed(SEED)
    fresh = builder.build(architecture)
    last = [layer.name for layer in fresh.layers if layer.get_weights() and layer.name != "logits"]
    block = [name for name in last if name.startswith("block5")] or last[-2:]
    stages = {"head": ["logits"], "head and last block": ["logits", *block]}
    return [(words, _with_fresh(reader, fresh, names)) for words, names in stages.items()]


def _with_fresh(reader: BatchPredictor, fresh: keras.Model, names: list[str]) -> BatchPredictor:
    forgetful = builder.build(reader.manifest.architecture)
    forgetful.set_weights(reader.model.get_weights())
    for name in names:
        forgetful.get_layer(name).set_weights(fresh.get_layer(name).get_weights())
    return reader.with_model(forgetful)


def _true_hits(examined: EvaluationSet) -> np.ndarray:
    hits = np.flatnonzero(examined.answers.truth & (examined.answers.named == examined.target))[:MOST]
    if len(hits) < FEWEST:
        raise NotPossible(
            f"Fewer than {FEWEST} radiographs with {examined.answers.target} were rightly named."
        )
    return hits


def _resized(grid: Grey, side: int) -> Grey:
    return resize(grid, (side, side))


def _upsampled(maps: Maps, side: int) -> Maps:
    return np.stack([_resized(np.maximum(grid, 0), side) for grid in maps])


def _shown(maps: Maps, side: int) -> Maps:
    """Rectify, enlarge and scale each map to a largest value of 1, as a reader sees it."""
    large = _upsampled(maps, side)
    most = large.max(axis=(1, 2), keepdims=True)
    return np.divide(large, most, out=np.zeros_like(large), where=most > 0)


def _base_likeness(maps: Maps) -> float:
    random = np.random.default_rng(SEED)
    pairs = [random.choice(len(maps), 2, replace=False) for _ in range(MOST)]
    return float(np.mean([structural_similarity(maps[a], maps[b]) for a, b in pairs]))


def _area_of(examined: EvaluationSet, square: Grey, order: Grey, *, insert: bool) -> float:
    """Return the target's mean probability while the radiograph is blurred, or restored, hottest part first."""
    blurred = gaussian_filter(square, FILL_BLUR * square.shape[0])
    ranks = np.empty(order.size, dtype=np.int_)
    ranks[np.argsort(-order.ravel(), kind="stable")] = np.arange(order.size)
    done = ranks.reshape(order.shape)[None] < (np.linspace(0, 1, STEPS + 1) * order.size)[:, None, None]
    frames: Squares = np.where(done, *((square, blurred) if insert else (blurred, square)))
    logits = examined.reader.logits(frames)
    chances = softmax(logits / examined.reader.manifest.temperature, axis=1)
    return float(np.trapezoid(chances[:, examined.target], dx=1 / STEPS))
