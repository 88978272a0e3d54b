"""A bundle with placeholder weights, for tests that store and verify files but load no network."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from ml.records import Architecture, Manifest, Preprocessing


def stub_bundle(directory: Path, *, weights: bytes = b"weights", version: str = "candidate") -> Path:
    """Write a directory that passes `ml.networks.bundle.verify`."""
    directory.mkdir(parents=True)
    architecture = Architecture(family="tiny-cnn", size=64)
    manifest = Manifest(
        version=version,
        architecture=architecture,
        preprocessing=Preprocessing(size=64),
        operating_points=dict.fromkeys(architecture.classes, 0.5),
        heatmap_reference=dict.fromkeys(architecture.classes, 1.0),
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        created_at="2026-01-01T00:00:00+00:00",
    )
    (directory / "model.weights.h5").write_bytes(weights)
    (directory / "manifest.json").write_text(json.dumps(asdict(manifest)))
    (directory / "card.md").write_text("# A placeholder model\n\n<b>Research use only.</b>\n")
    return directory
