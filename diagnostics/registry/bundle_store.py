"""The shelf of bundles: a version's files are copied in whole, once, and never changed again."""

from __future__ import annotations

import json
import shutil
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ml.networks import bundle
from ml.records import Manifest


def stage(source: Path, shelf: Path) -> Path:
    """Copy a bundle next to its future place and return the verified copy; raises BundleError."""
    shelf.mkdir(parents=True, exist_ok=True)
    draft = shelf / f".incoming-{uuid.uuid4().hex}"
    try:
        shutil.copytree(source, draft)
        bundle.verify(draft)
    except OSError as trouble:
        discard(draft)
        raise bundle.BundleError(f"The bundle {source.name} cannot be copied: {trouble}") from trouble
    except bundle.BundleError:
        discard(draft)
        raise
    return draft


def amend(directory: Path, entries: dict[str, Any]) -> Manifest:
    """Write a version's name or metrics into a staged bundle and return its manifest."""
    path = directory / bundle.MANIFEST
    stored = json.loads(path.read_text(encoding="utf-8")) | entries
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(stored, indent=1, sort_keys=True), encoding="utf-8")
    draft.replace(path)
    return bundle.read_manifest(directory)


def place(draft: Path, target: Path) -> None:
    """Move a staged bundle to its place in one step."""
    # The caller holds the row with this number, so whatever lies there is left from a failed attempt.
    discard(target)
    draft.replace(target)


def discard(directory: Path) -> None:
    """Remove a directory if it is there."""
    shutil.rmtree(directory, ignore_errors=True)


def as_json(manifest: Manifest) -> dict[str, Any]:
    """Turn a manifest into what a JSON column gives back."""
    stored: dict[str, Any] = json.loads(json.dumps(asdict(manifest)))
    return stored


def read_card(directory: Path) -> str:
    """Read the card written for people; empty when there is none."""
    try:
        return (directory / bundle.CARD).read_text(encoding="utf-8")
    except OSError:
        return ""
