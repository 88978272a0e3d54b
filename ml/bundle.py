"""A bundle: one directory with a manifest, weights-only HDF5 and a card for people."""

from __future__ import annotations

import hashlib
import json
import tempfile
import warnings
from dataclasses import asdict, fields, replace
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

import cv2
import numpy as np

from ml.records import Architecture, BundleError, Family, Geometry, Head, Manifest, Preprocessing, Scale

if TYPE_CHECKING:
    import keras

Precision: TypeAlias = Literal["float32", "mixed_bfloat16"]

MANIFEST: Final = "manifest.json"
WEIGHTS: Final = "model.weights.h5"
CARD: Final = "card.md"
LARGEST_MANIFEST: Final = 4_000_000  # bytes
LIBRARIES: Final = ("keras", "tensorflow", "numpy")


def read_manifest(directory: Path) -> Manifest:
    """Read and check the manifest alone; raises BundleError."""
    path = directory / MANIFEST
    try:
        if path.stat().st_size > LARGEST_MANIFEST:
            raise BundleError(f"The manifest of {directory.name} is too large.")
        return _manifest(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as trouble:
        raise BundleError(f"The manifest of {directory.name} cannot be used: {trouble}") from trouble


def verify(directory: Path) -> Manifest:
    """Read the manifest and compare the weights' SHA-256 with it; raises BundleError."""
    manifest = read_manifest(directory)
    try:
        found = _sha256(directory / WEIGHTS)
    except OSError as trouble:
        raise BundleError(f"The weights of {directory.name} are missing.") from trouble
    if found != manifest.weights_sha256:
        raise BundleError(f"The weights of {directory.name} are not those its manifest names.")
    return manifest


def write(directory: Path, model: keras.Model, manifest: Manifest) -> Manifest:
    """Write a bundle and return its manifest with the checksum and library versions filled in.

    The manifest comes last, so that a directory which has one is complete. An existing card stays.
    """
    directory.mkdir(parents=True, exist_ok=True)
    _save_weights(model, directory / WEIGHTS, manifest.weights_dtype)
    manifest = replace(
        manifest,
        weights_sha256=_sha256(directory / WEIGHTS),
        libraries=manifest.libraries or _libraries(),
    )
    if not (directory / CARD).exists():
        _write_whole(directory / CARD, _card(manifest).encode())
    _write_whole(directory / MANIFEST, json.dumps(asdict(manifest), indent=1, sort_keys=True).encode())
    return manifest


def load_network(directory: Path, *, precision: Precision = "float32") -> tuple[keras.Model, Manifest]:
    """Verify a bundle, build its net in code and fill it; raises BundleError."""
    from ml import network  # TensorFlow must not load before somebody needs a net

    manifest = verify(directory)
    with network.precision(precision):
        model = network.build(manifest.architecture)
    try:
        with warnings.catch_warnings():
            # Keras only warns of a layer the file lacks, and leaves it at random.
            warnings.simplefilter("error", UserWarning)
            model.load_weights(directory / WEIGHTS)
    except (OSError, ValueError, KeyError, UserWarning) as trouble:
        raise BundleError(f"The weights of {directory.name} do not fit its architecture.") from trouble
    return model, manifest


def _libraries() -> dict[str, str]:
    # OpenCV comes under several package names, so it is asked itself.
    return {name: installed(name) for name in LIBRARIES} | {"opencv": cv2.__version__}


def _manifest(stored: dict[str, Any]) -> Manifest:
    known = {field.name for field in fields(Manifest)}
    if unknown := set(stored) - known:
        raise BundleError(f"unknown entries {sorted(unknown)}")
    architecture = dict(stored["architecture"])
    architecture["classes"] = tuple(architecture["classes"])
    manifest = Manifest(
        **{
            **stored,
            "architecture": Architecture(**architecture),
            "preprocessing": Preprocessing(**stored["preprocessing"]),
        }
    )
    _check(manifest)
    return manifest


def _check(manifest: Manifest) -> None:
    arch, prep = manifest.architecture, manifest.preprocessing
    classes = set(arch.classes)
    rules = {
        "the family is unknown": arch.family in get_args(Family),
        "the head is unknown": arch.head in get_args(Head),
        "the scale is unknown": prep.scale in get_args(Scale),
        "the geometry is unknown": prep.geometry in get_args(Geometry),
        "the size is out of range": 16 <= arch.size <= 2048,
        "the channels must be 1 or 3": arch.channels in (1, 3),
        "two classes at least, each once": len(arch.classes) == len(classes) >= 2,
        "net and preprocessing disagree": (arch.size, arch.channels) == (prep.size, prep.channels),
        "an operating point of no class": set(manifest.operating_points) <= classes,
        "a heat reference of no class": set(manifest.heat_reference) <= classes,
        "an operating point is no probability": all(0 <= p <= 1 for p in manifest.operating_points.values()),
        "a heat reference is not above 0": all(r > 0 for r in manifest.heat_reference.values()),
        "the temperature is not above 0": manifest.temperature > 0,
    }
    if broken := [rule for rule, kept in rules.items() if not kept]:
        raise BundleError("; ".join(broken))


def _save_weights(model: keras.Model, path: Path, dtype: str) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        draft = Path(folder) / WEIGHTS
        model.save_weights(draft)
        if dtype == "float16":
            whole, draft = draft, Path(folder) / "half.weights.h5"
            _halve(whole, draft)
        draft.replace(path)


def _halve(source: Path, target: Path) -> None:
    import h5py

    with h5py.File(source, "r") as whole, h5py.File(target, "w") as half:
        half.attrs.update(whole.attrs)

        def copy(name: str, item: Any) -> None:
            if isinstance(item, h5py.Group):
                half.require_group(name).attrs.update(item.attrs)
                return
            values = item[()]
            # Vectors (biases, batch statistics) stay exact: they are few, and variances may overflow float16.
            if values.ndim > 1 and np.abs(values).max(initial=0) < np.finfo(np.float16).max:
                values = values.astype(np.float16)
            half.create_dataset(name, data=values).attrs.update(item.attrs)

        whole.visititems(copy)


def _card(manifest: Manifest) -> str:
    arch = manifest.architecture
    return (
        f"# Model {manifest.version}\n\n**Research use only. Not for diagnosis.**\n\n"
        f"- Network: {arch.family}, {arch.size} x {arch.size} pixels, classes {', '.join(arch.classes)}\n"
        f"- Preprocessing: {manifest.preprocessing.id}\n"
        f"- Made: {manifest.created_at or 'not recorded'}\n"
        f"- Fine-tuned from: {manifest.parent or 'nothing, trained from scratch'}\n"
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_whole(path: Path, content: bytes) -> None:
    draft = path.with_name(path.name + ".tmp")
    draft.write_bytes(content)
    draft.replace(path)
