"""Parsing and validation of a manifest's JSON."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args

from ml.errors import BundleError
from ml.records import (
    Architecture,
    Family,
    Geometry,
    Head,
    Manifest,
    OutOfDistributionLimits,
    Preprocessing,
    ReferenceSource,
    Scale,
)


def parse_manifest(stored: Any) -> Manifest:
    """Return the manifest of parsed JSON; entries that an earlier release did not write get their defaults.

    Raises BundleError for unknown entries and values out of range.
    """
    try:
        return _parse(stored)
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(str(error)) from error


def _parse(stored: Any) -> Manifest:
    if not isinstance(stored, dict):
        raise BundleError("it is not a JSON object")
    if unknown := set(stored) - {field.name for field in fields(Manifest)}:
        raise BundleError(f"unknown entries {sorted(unknown)}")
    architecture = dict(stored["architecture"])
    architecture["classes"] = tuple(architecture["classes"])
    limits = stored.get("out_of_distribution")
    manifest = Manifest(
        **{
            **stored,
            "architecture": Architecture(**architecture),
            "preprocessing": Preprocessing(**stored["preprocessing"]),
            "out_of_distribution": OutOfDistributionLimits(**limits) if limits is not None else None,
        }
    )
    errors = [
        *_network_errors(manifest.architecture, manifest.preprocessing),
        *_calibration_errors(manifest),
        *_reference_errors(manifest),
    ]
    if errors:
        raise BundleError("; ".join(errors))
    return manifest


def _network_errors(arch: Architecture, prep: Preprocessing) -> list[str]:
    return _violated(
        {
            "the family is unknown": arch.family in get_args(Family),
            "the head is unknown": arch.head in get_args(Head),
            "the scale is unknown": prep.scale in get_args(Scale),
            "the geometry is unknown": prep.geometry in get_args(Geometry),
            "the size is out of range": 16 <= arch.size <= 2048,
            "the channels must be 1 or 3": arch.channels in (1, 3),
            "at least two distinct classes are needed": len(arch.classes) == len(set(arch.classes)) >= 2,
            "network and preprocessing have different inputs": (arch.size, arch.channels)
            == (prep.size, prep.channels),
        }
    )


def _calibration_errors(manifest: Manifest) -> list[str]:
    classes = set(manifest.architecture.classes)
    points, references = manifest.operating_points, manifest.heatmap_reference
    return _violated(
        {
            "an operating point has no class": set(points) <= classes,
            "a heatmap reference has no class": set(references) <= classes,
            "a conformal threshold has no class": set(manifest.conformal) <= classes,
            "an operating point is not a probability": all(0 <= p <= 1 for p in points.values()),
            "a heatmap reference is not above 0": all(value > 0 for value in references.values()),
            "a conformal threshold is not from 0 to 1": all(0 <= q <= 1 for q in manifest.conformal.values()),
            "the temperature is not above 0": manifest.temperature > 0,
            "the abstention threshold is not a probability": 0 <= (manifest.abstention or 0) <= 1,
        }
    )


def _reference_errors(manifest: Manifest) -> list[str]:
    limits = manifest.out_of_distribution
    return _violated(
        {
            "out-of-distribution limits and reference need each other": (limits is None)
            == (not manifest.reference_sha256),
            "the source of the reference is unknown": limits is None
            or limits.source in get_args(ReferenceSource),
        }
    )


def _violated(rules: dict[str, bool]) -> list[str]:
    return [text for text, valid in rules.items() if not valid]
