"""The folder of exported engines on a machine: made once for each version, in a process of its own."""

from __future__ import annotations

import fcntl
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ml.errors import BundleError
from ml.inference import engine_selection
from ml.inference.engine import TENSORFLOW
from ml.inference.engine_selection import Selection, ServingEngine
from ml.networks import bundle

EXPORT_SECONDS: Final = 300  # then the export is given up, and TensorFlow serves
LOCK: Final = "lock"

logger = logging.getLogger(__name__)


def serving_engine(directory: Path, cache: Path) -> ServingEngine | None:
    """Return the engine that serves a bundle on this machine, exported and selected first where necessary.

    None where the network cannot be exported or no engine agrees with the reference: then TensorFlow serves.
    Raises BundleError or OSError.
    """
    selection = prepare(directory, cache)
    if not selection.is_exported:
        return None
    return _loaded(directory, cache, selection)


def stored_engine(directory: Path, cache: Path) -> ServingEngine | None:
    """Return the engine of a bundle if this machine has exported it; raises BundleError or OSError."""
    weights = bundle.read_manifest(directory).weights_sha256
    selection = engine_selection.stored_selection(_folder(cache, weights), weights)
    return _loaded(directory, cache, selection) if selection and selection.is_exported else None


def reproduction_difference(directory: Path, cache: Path) -> float | None:
    """Return by how much probabilities served here differ from the reference's, at most, on fixed inputs.

    None where TensorFlow, which is the reference, serves. Raises BundleError or OSError.
    """
    if not prepare(directory, cache).is_exported:
        return None
    manifest = bundle.read_manifest(directory)
    folder = _folder(cache, manifest.weights_sha256)
    return engine_selection.largest_probability_difference(folder, temperature=manifest.temperature)


def _loaded(directory: Path, cache: Path, selection: Selection) -> ServingEngine | None:
    manifest = bundle.read_manifest(directory)
    try:
        folder = _folder(cache, manifest.weights_sha256)
        return ServingEngine(folder, selection, temperature=manifest.temperature)
    except (BundleError, RuntimeError, OSError, ValueError, KeyError):
        logger.exception("the exported engine cannot be used; TensorFlow serves")
        return None


def prepare(directory: Path, cache: Path) -> Selection:
    """Return the selection for a bundle, made now if this machine has none; raises BundleError or OSError."""
    weights = bundle.read_manifest(directory).weights_sha256
    folder = _folder(cache, weights)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        stored = engine_selection.stored_selection(folder, weights)
        return stored or _select(directory, folder, weights)


def _folder(cache: Path, weights_sha256: str) -> Path:
    return cache / weights_sha256[:16]


def _select(directory: Path, folder: Path, weights: str) -> Selection:
    """Export the network and select, or select TensorFlow where it cannot be exported."""
    manifest = bundle.read_manifest(directory)
    if manifest.architecture.has_class_activation_maps and _export(directory, folder):
        return engine_selection.select(folder, weights, temperature=manifest.temperature)
    selection = Selection(TENSORFLOW, {}, {}, engine_selection.environment(weights))
    engine_selection.store(folder, selection)
    return selection


def _export(directory: Path, folder: Path) -> bool:
    """Export in a process of its own, so that this one stays without TensorFlow; return whether it could."""
    command = [sys.executable, "-m", "ml", "export-engine", str(directory), "--out", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=EXPORT_SECONDS, cwd=_root())
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        lines = (error.stderr or b"").decode(errors="replace").splitlines()
        reason = lines[-1] if lines else f"no result after {EXPORT_SECONDS} s"
        logger.warning("a network cannot be exported, so TensorFlow serves it: %s", reason)
        return False
    return True


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time make the engines of a version."""
    with (folder / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _root() -> Path:
    return Path(__file__).resolve().parents[2]
