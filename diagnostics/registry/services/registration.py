"""Registering model versions, and the network that Readroom ships with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.files import delete_folders
from diagnostics.registry import bundle_store
from diagnostics.registry.models import ModelVersion, Verdict
from diagnostics.registry.services.promotions import Deployment, activate
from ml.networks import bundle as bundles


@dataclass(frozen=True)
class Leaks:
    """The names of the leak and shortcut checks that failed, and the reason to train in spite of them."""

    names: str = ""
    reason: str = ""


NO_LEAKS: Final = Leaks()


def register_candidate(
    *,
    bundle: Path,
    comparison: dict[str, Any],
    verdict: str,
    verdict_reason: str,
    parent: ModelVersion | None,
    by: User | None,
    now: datetime,
    metrics: dict[str, Any] | None = None,
    leaks: Leaks = NO_LEAKS,
) -> ModelVersion:
    """Copy a trained bundle into the store and register it as the next version; raises BundleError.

    `metrics` replaces those of the bundle's manifest, for a candidate evaluated after the bundle was written.
    `by` is the user who requested it; another user approves it. `leaks` are the checks that failed before the
    training, and why it went on.
    """
    staged = bundle_store.stage(bundle, Path(settings.BUNDLES))
    try:
        with transaction.atomic():
            version = _next_version(bundles.read_manifest(staged).weights_sha256, parent, now)
            version.requested_by, version.leak_names, version.leak_reason = by, leaks.names, leaks.reason
            version.comparison, version.verdict, version.verdict_reason = comparison, verdict, verdict_reason
            entries = {"version": str(version)} | ({} if metrics is None else {"metrics": metrics})
            version.manifest = bundle_store.as_json(bundle_store.amend_manifest(staged, entries))
            version.save()
            bundle_store.publish(staged, version.bundle, version.weights_sha256)
            bundle_store.move_into_store(staged, Path(settings.BUNDLES) / version.bundle)
            audit.record(
                action=Action.VERSION_REGISTERED,
                by=by,
                target=version,
                detail={"version": version.number, "verdict": verdict, "leaks": leaks.names},
                now=now,
            )
    finally:
        bundle_store.discard(staged)
    return version


def adopt_default(*, now: datetime) -> ModelVersion | None:
    """Register and promote the network shipped with Readroom, unless a version exists."""
    if ModelVersion.objects.exists():
        return None
    with transaction.atomic():
        version = register_candidate(
            bundle=Path(settings.DEFAULT_BUNDLE),
            comparison={},
            verdict=Verdict.NONE,
            verdict_reason=_("First version; there was no active version to compare it with."),
            parent=None,
            by=None,
            now=now,
        )
        activate(version, by=None, reason=_("Default network of Readroom."), now=now, deployment=Deployment())
    return version


def publish_missing() -> None:
    """Put bundles of this home into the bucket that are not there, as after a change from disk to S3.

    Raises StorageUnavailable.
    """
    published = set(bundle_store.publications())
    for version in ModelVersion.objects.order_by("number"):
        directory = Path(settings.BUNDLES) / version.bundle
        is_missing = bundle_store.publication_of(version.bundle, version.weights_sha256) not in published
        if is_missing and directory.is_dir():
            bundle_store.publish(directory, version.bundle, version.weights_sha256)


def sweep(*, older_than: timedelta, now: datetime) -> int:
    """Delete old directories of the store that no version names, in S3 too; return how many."""
    old = bundle_store.old_directories(Path(settings.BUNDLES), older_than, now=now)
    published = bundle_store.old_publications(older_than, now=now)
    versions = list(ModelVersion.objects.values_list("bundle", "weights_sha256"))
    named = {bundle for bundle, _sha256 in versions}
    in_use = {bundle_store.publication_of(*version) for version in versions}
    deleted = delete_folders(directory for directory in old if directory.name not in named)
    return deleted + bundle_store.withdraw(folder for folder in published if folder not in in_use)


def mark_erased(versions: Iterable[ModelVersion], *, radiographs: int) -> None:
    """Count radiographs that were erased from the training data of these versions."""
    trained = ModelVersion.objects.filter(pk__in=[version.pk for version in versions])
    trained.update(erased_radiographs=F("erased_radiographs") + radiographs)


def _next_version(weights_sha256: str, parent: ModelVersion | None, now: datetime) -> ModelVersion:
    last = ModelVersion.objects.select_for_update().order_by("-number").first()
    number = last.number + 1 if last else 1
    # The row precedes the files: its unique number reserves the directory name.
    return ModelVersion.objects.create(
        number=number,
        bundle=f"v{number}",
        weights_sha256=weights_sha256,
        manifest={},
        parent=parent,
        registered_at=now,
    )
