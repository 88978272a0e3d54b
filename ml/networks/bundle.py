"""Bundles: a directory with a manifest, weights in HDF5, reference features and a model card."""

from __future__ import annotations

import hashlib
import json
import tempfile
import warnings
from dataclasses import asdict, replace
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import cv2
import numpy as np

from ml.errors import BundleError
from ml.networks import out_of_distribution
from ml.networks.manifest import parse_manifest
from ml.networks.out_of_distribution import Reference
from ml.records import Manifest

if TYPE_CHECKING:
    import keras

Precision: TypeAlias = Literal["float32", "mixed_bfloat16"]

MANIFEST: Final = "manifest.json"
WEIGHTS: Final = "model.weights.h5"
REFERENCE: Final = "reference.npz"  # out-of-distribution reference; optional
CARD: Final = "card.md"
MAX_MANIFEST_BYTES: Final = 4_000_000
MAX_REFERENCE_BYTES: Final = 8_000_000
LIBRARIES: Final = ("keras", "tensorflow", "numpy")


def read_manifest(directory: Path) -> Manifest:
    """Read and validate the manifest alone; raises BundleError."""
    path = directory / MANIFEST
    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            raise BundleError(f"The manifest of {directory.name} is too large.")
        return parse_manifest(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise BundleError(f"The manifest of {directory.name} cannot be used: {error}") from error


def verify(directory: Path) -> Manifest:
    """Read the manifest and compare the SHA-256 of the files with it; raises BundleError."""
    manifest = read_manifest(directory)
    _verify_file(directory, WEIGHTS, manifest.weights_sha256, "weights")
    if manifest.reference_sha256:
        _verify_file(directory, REFERENCE, manifest.reference_sha256, "reference features")
    return manifest


def write(
    directory: Path, model: keras.Model, manifest: Manifest, *, reference: Reference | None = None
) -> Manifest:
    """Write a bundle and return its manifest with checksums and library versions.

    The manifest is written last, so that a directory with a manifest is complete. An existing card is kept,
    and so is the reference whose checksum the manifest has; without a reference the limits are removed from
    the manifest.
    """
    directory.mkdir(parents=True, exist_ok=True)
    _save_weights(model, directory / WEIGHTS, manifest.weights_dtype)
    manifest = replace(
        _with_reference(directory, manifest, reference),
        weights_sha256=_sha256(directory / WEIGHTS),
        libraries=manifest.libraries or _libraries(),
    )
    if not (directory / CARD).exists():
        _write_atomically(directory / CARD, _card(manifest).encode())
    _write_atomically(directory / MANIFEST, json.dumps(asdict(manifest), indent=1, sort_keys=True).encode())
    return manifest


def load_network(directory: Path, *, precision: Precision = "float32") -> tuple[keras.Model, Manifest]:
    """Verify a bundle, build its network and load the weights; raises BundleError."""
    from ml.networks import builder  # imports TensorFlow, which readers of a manifest must not load

    manifest = verify(directory)
    with builder.precision(precision):
        model = builder.build(manifest.architecture)
    try:
        with warnings.catch_warnings():
            # Keras only warns about a layer that the file lacks, and leaves its weights random.
            warnings.simplefilter("error", UserWarning)
            model.load_weights(directory / WEIGHTS)
    except (OSError, ValueError, KeyError, UserWarning) as error:
        raise BundleError(f"The weights of {directory.name} do not fit its architecture.") from error
    return model, manifest


def load_reference(directory: Path, manifest: Manifest) -> Reference | None:
    """Read the reference of a verified bundle, None if it has none; raises BundleError."""
    if not manifest.reference_sha256:
        return None
    path = directory / REFERENCE
    try:
        if path.stat().st_size > MAX_REFERENCE_BYTES:
            raise BundleError(f"The reference features of {directory.name} are too large.")
        return out_of_distribution.load(path)
    except (OSError, ValueError, KeyError, IndexError) as error:
        message = f"The reference features of {directory.name} cannot be used: {error}"
        raise BundleError(message) from error


def _verify_file(directory: Path, name: str, expected: str, label: str) -> None:
    try:
        actual = _sha256(directory / name)
    except OSError as error:
        raise BundleError(f"The {label} of {directory.name} are missing.") from error
    if actual != expected:
        raise BundleError(f"The {label} of {directory.name} do not match its manifest.")


def _with_reference(directory: Path, manifest: Manifest, reference: Reference | None) -> Manifest:
    path = directory / REFERENCE
    if reference is not None:
        draft = path.with_name(path.name + ".tmp")
        out_of_distribution.save(draft, reference)
        draft.replace(path)
        return replace(manifest, reference_sha256=_sha256(path))
    if manifest.reference_sha256 and path.exists() and _sha256(path) == manifest.reference_sha256:
        return manifest
    path.unlink(missing_ok=True)
    return replace(manifest, reference_sha256="", out_of_distribution=None)


def _libraries() -> dict[str, str]:
    # OpenCV is published under several package names, so the module gives the version.
    return {name: installed(name) for name in LIBRARIES} | {"opencv": cv2.__version__}


def _save_weights(model: keras.Model, path: Path, dtype: str) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        draft = Path(folder) / WEIGHTS
        model.save_weights(draft)
        if dtype == "float16":
            full, draft = draft, Path(folder) / "half.weights.h5"
            _convert_to_float16(full, draft)
        draft.replace(path)


def _convert_to_float16(source: Path, target: Path) -> None:
    import h5py

    with h5py.File(source, "r") as full, h5py.File(target, "w") as half:
        half.attrs.update(full.attrs)

        def copy(name: str, item: Any) -> None:
            if isinstance(item, h5py.Group):
                half.require_group(name).attrs.update(item.attrs)
                return
            values = item[()]
            # Vectors (biases, batch statistics) stay float32: they are small, and variances may overflow
            # float16.
            if values.ndim > 1 and np.abs(values).max(initial=0) < np.finfo(np.float16).max:
                values = values.astype(np.float16)
            half.create_dataset(name, data=values).attrs.update(item.attrs)

        full.visititems(copy)


def _card(manifest: Manifest) -> str:
    arch = manifest.architecture
    return (
        f"# Model {manifest.version}\n\n**Research use only. Not for diagnosis.**\n\n"
        f"- Network: {arch.family}, {arch.size} x {arch.size} pixels, classes {', '.join(arch.classes)}\n"
        f"- Preprocessing: {manifest.preprocessing.id}\n"
        f"- Created: {manifest.created_at or 'not recorded'}\n"
        f"- Fine-tuned from: {manifest.parent or 'none, trained from scratch'}\n"
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_atomically(path: Path, content: bytes) -> None:
    draft = path.with_name(path.name + ".tmp")
    draft.write_bytes(content)
    draft.replace(path)
