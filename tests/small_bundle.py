"""A small untrained bundle: a network that a test loads in a second."""

from __future__ import annotations

from pathlib import Path

from ml.records import Architecture, Family, Head, Manifest, Preprocessing


def make_bundle(
    directory: Path, family: Family = "tiny-cnn", *, size: int = 64, seed: int = 0, version: str = "small"
) -> Path:
    """Write an untrained bundle of `family` into `directory` and return that directory."""
    import keras

    from ml.networks import builder, bundle

    keras.utils.set_random_seed(seed)
    head: Head = "flatten" if family == "tiny-cnn" else "gap"
    architecture = Architecture(family=family, size=size, batch_norm=family != "tiny-cnn", head=head)
    manifest = Manifest(
        version=version,
        architecture=architecture,
        preprocessing=Preprocessing(size=size),
        operating_points=dict.fromkeys(architecture.classes, 0.5),
        heatmap_reference=dict.fromkeys(architecture.classes, 0.1),
        created_at="2026-01-01T00:00:00+00:00",
    )
    bundle.write(directory, builder.build(architecture), manifest)
    return directory
