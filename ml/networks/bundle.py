"""A bundle: a directory with a manifest, weights-only HDF5, reference features and a card for people."""

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

from ml.networks import out_of_distribution
from ml.networks.out_of_distribution import Reference
from ml.records import (
    Architecture,
    BundleError,
    Family,
    Geometry,
    Head,
    Manifest,
    OutOfDistributionLimits,
    Preprocessing,
    ReferenceSource,
    Scale,
)

if TYPE_CHECKING:
    import keras

Precision: TypeAlias = Literal["float32", "mixed_bfloat16"]

MANIFEST: Final = "manifest.json"
WEIGHTS: Final = "model.weights.h5"
REFERENCE: Final = "reference.npz"  # what out_of_distribution is measured against; a bundle may lack it
CARD: Final = "card.md"
LARGEST_MANIFEST: Final = 4_000_000  # bytes
LARGEST_REFERENCE: Final = 8_000_000  # bytes
LIBRARIES: Final = ("keras", "tensorflow", "numpy")


def read_manifest(directory: Path) -> Manifest:
    """Read and check the manifest alone; raises BundleError."""
    path = directory / MANIFEST
    try:
        if path.stat().st_size > LARGEST_MANIFEST:
            raise BundleError(f"The manifest of {directory.name} is too large.")
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as trouble:
        raise BundleError(f"The manifest of {directory.name} cannot be used: {trouble}") from trouble
    try:
        return manifest_of(stored)
    except BundleError as trouble:
        raise BundleError(f"The manifest of {directory.name} cannot be used: {trouble}") from trouble


def manifest_of(stored: Any) -> Manifest:
    """Make a manifest of its JSON, which may be of an earlier release; raises BundleError."""
    try:
        return _manifest(stored)
    except (ValueError, KeyError, TypeError) as trouble:
        raise BundleError(str(trouble)) from trouble


def verify(directory: Path) -> Manifest:
    """Read the manifest and compare the files' SHA-256 with it; raises BundleError."""
    manifest = read_manifest(directory)
    _compare(directory, WEIGHTS, manifest.weights_sha256, "weights")
    if manifest.reference_sha256:
        _compare(directory, REFERENCE, manifest.reference_sha256, "reference features")
    return manifest


def write(
    directory: Path, model: keras.Model, manifest: Manifest, *, reference: Reference | None = None
) -> Manifest:
    """Write a bundle and return its manifest with the checksums and library versions filled in.

    The manifest comes last, so that a directory which has one is complete. An existing card stays, and so
    does the reference that the manifest names; a bundle without one says nothing of out_of_distribution.
    """
    directory.mkdir(parents=True, exist_ok=True)
    _save_weights(model, directory / WEIGHTS, manifest.weights_dtype)
    manifest = replace(
        _with_reference(directory, manifest, reference),
        weights_sha256=_sha256(directory / WEIGHTS),
        libraries=manifest.libraries or _libraries(),
    )
    if not (directory / CARD).exists():
        _write_whole(directory / CARD, _card(manifest).encode())
    _write_whole(directory / MANIFEST, json.dumps(asdict(manifest), indent=1, sort_keys=True).encode())
    return manifest


def load_network(directory: Path, *, precision: Precision = "float32") -> tuple[keras.Model, Manifest]:
    """Verify a bundle, build its net in code and fill it; raises BundleError."""
    from ml.networks import builder  # TensorFlow must not load before somebody needs a net

    manifest = verify(directory)
    with builder.precision(precision):
        model = builder.build(manifest.architecture)
    try:
        with warnings.catch_warnings():
            # Keras only warns of a layer the file lacks, and leaves it at random.
            warnings.simplefilter("error", UserWarning)
            model.load_weights(directory / WEIGHTS)
    except (OSError, ValueError, KeyError, UserWarning) as trouble:
        raise BundleError(f"The weights of {directory.name} do not fit its architecture.") from trouble
    return model, manifest


def load_reference(directory: Path, manifest: Manifest) -> Reference | None:
    """Read a verified bundle's reference, None if it has none; raises BundleError."""
    if not manifest.reference_sha256:
        return None
    path = directory / REFERENCE
    try:
        if path.stat().st_size > LARGEST_REFERENCE:
            raise BundleError(f"The reference features of {directory.name} are too many.")
        return out_of_distribution.load(path)
    except (OSError, ValueError, KeyError, IndexError) as trouble:
        raise BundleError(
            f"The reference features of {directory.name} cannot be used: {trouble}"
        ) from trouble


def _compare(directory: Path, name: str, expected: str, what: str) -> None:
    try:
        found = _sha256(directory / name)
    except OSError as trouble:
        raise BundleError(f"The {what} of {directory.name} are missing.") from trouble
    if found != expected:
        raise BundleError(f"The {what} of {directory.name} are not those its manifest names.")


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
    # OpenCV comes under several package names, so it is asked itself.
    return {name: installed(name) for name in LIBRARIES} | {"opencv": cv2.__version__}


def _manifest(stored: Any) -> Manifest:
    if not isinstance(stored, dict):
        raise BundleError("it is no JSON object")
    known = {field.name for field in fields(Manifest)}
    if unknown := set(stored) - known:
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
        "a heat reference of no class": set(manifest.heatmap_reference) <= classes,
        "an operating point is no probability": all(0 <= p <= 1 for p in manifest.operating_points.values()),
        "a heat reference is not above 0": all(r > 0 for r in manifest.heatmap_reference.values()),
        "the temperature is not above 0": manifest.temperature > 0,
        "a conformal threshold of no class": set(manifest.conformal) <= classes,
        "a conformal threshold is no share": all(0 <= q <= 1 for q in manifest.conformal.values()),
        "the abstention threshold is no probability": 0 <= (manifest.abstention or 0) <= 1,
        "limits of out_of_distribution without a reference": (manifest.out_of_distribution is None)
        == (not manifest.reference_sha256),
        "the reference is of unknown radiographs": manifest.out_of_distribution is None
        or manifest.out_of_distribution.source in get_args(ReferenceSource),
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
