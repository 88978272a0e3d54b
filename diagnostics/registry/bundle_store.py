"""The stored bundles of model versions: each is copied completely, once, and never changed again."""

from __future__ import annotations

import json
import logging
import shutil
import uuid
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from diagnostics.errors import StorageUnavailable
from diagnostics.files import is_older, subfolders
from diagnostics.stores import chosen
from ml.networks import bundle
from ml.records import Manifest

logger = logging.getLogger(__name__)


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


def publish(staged: Path, name: str, weights_sha256: str) -> None:
    """Put the files of a staged bundle into the bucket, for other hosts; raises StorageUnavailable.

    Before the row of the version is committed, under a prefix that contains the checksum of its weights: an
    attempt that has lost its claim cannot change the files of the one that was committed.
    """
    store = chosen.bundles()
    for file in sorted(staged.rglob("*")) if store else ():
        if store and file.is_file():
            target = f"{publication_of(name, weights_sha256)}/{file.relative_to(staged).as_posix()}"
            store.write(target, file.read_bytes())


def fetch(directory: Path, weights_sha256: str) -> None:
    """Copy a published bundle into this home unless it is there already; raises StorageUnavailable.

    A bundle whose weights are not the registered ones stays missing, as on a disk.
    """
    store = chosen.bundles()
    if store is None or directory.exists():
        return
    prefix = publication_of(directory.name, weights_sha256)
    fetched = directory.with_name(f".incoming-{uuid.uuid4().hex}")
    try:
        for name in store.names(prefix):
            target = fetched / name.removeprefix(f"{prefix}/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(store.read(name))
        if bundle.verify(fetched).weights_sha256 == weights_sha256:
            fetched.replace(directory)
    except (OSError, bundle.BundleError) as error:
        if not directory.exists():  # another process of this home was faster
            logger.error("the bundle %s cannot be fetched: %s", directory.name, error)
    finally:
        discard(fetched)


def publication_of(name: str, weights_sha256: str) -> str:
    """Return the prefix of a published bundle."""
    return f"{name}-{weights_sha256[:16]}"


def publications() -> list[str]:
    """Return the prefixes of the published bundles; raises StorageUnavailable."""
    store = chosen.bundles()
    return store.folders("") if store else []


def old_publications(than: timedelta, *, now: datetime) -> list[str]:
    """Return the prefixes whose objects are all older; none while S3 does not answer."""
    store = chosen.bundles()
    try:
        return [
            folder
            for folder in publications()
            if store and len(store.old_files(folder, than, now=now)) == len(store.names(folder))
        ]
    except StorageUnavailable:  # logged
        return []


def withdraw(prefixes: Iterable[str]) -> int:
    """Delete published bundles and return how many."""
    store, withdrawn = chosen.bundles(), list(prefixes)
    for prefix in withdrawn:
        if store:
            store.delete(store.names(prefix))
    return len(withdrawn)


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
