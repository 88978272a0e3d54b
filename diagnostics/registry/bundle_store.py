"""The stored bundles of model versions: each is copied completely, once, and never changed again."""

from __future__ import annotations

import json
import shutil
import uuid
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from diagnostics.files import is_older, subfolders
from ml.networks import bundle
from ml.records import Manifest


def stage(source: Path, store: Path) -> Path:
    """Copy a bundle into a temporary directory and return the verified copy; raises BundleError."""
    store.mkdir(parents=True, exist_ok=True)
    staged = store / f".incoming-{uuid.uuid4().hex}"
    try:
        shutil.copytree(source, staged)
        bundle.verify(staged)
    except OSError as error:
        discard(staged)
        raise bundle.BundleError(f"The bundle {source.name} cannot be copied: {error}") from error
    except bundle.BundleError:
        discard(staged)
        raise
    return staged


def amend_manifest(directory: Path, entries: dict[str, Any]) -> Manifest:
    """Replace entries in the manifest of a staged bundle and return the new manifest."""
    path = directory / bundle.MANIFEST
    stored = json.loads(path.read_text(encoding="utf-8")) | entries
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(stored, indent=1, sort_keys=True), encoding="utf-8")
    draft.replace(path)
    return bundle.read_manifest(directory)


def move_into_store(staged: Path, target: Path) -> None:
    """Move a staged bundle to its final directory in one step."""
    # The caller holds the row with this number, so an existing directory belongs to a failed attempt.
    discard(target)
    staged.replace(target)


def discard(directory: Path) -> None:
    """Remove a directory if it exists."""
    shutil.rmtree(directory, ignore_errors=True)


def old_directories(store: Path, than: timedelta, *, now: datetime) -> list[Path]:
    """Return the staged and stored bundles that were moved to their place longer ago."""
    return [directory for directory in subfolders(store) if is_older(directory, than, now=now)]


def as_json(manifest: Manifest) -> dict[str, Any]:
    """Return a manifest as the values that a JSON column returns."""
    stored: dict[str, Any] = json.loads(json.dumps(asdict(manifest)))
    return stored


def read_model_card(directory: Path) -> str:
    """Return the text of the model card; empty when there is none."""
    try:
        return (directory / bundle.CARD).read_text(encoding="utf-8")
    except OSError:
        return ""
