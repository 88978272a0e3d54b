"""Queries of model versions, of the active version and of the deployment history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db.models import Prefetch, Q, QuerySet, TextChoices
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.models import Site
from diagnostics.registry import bundle_store
from diagnostics.registry.models import ModelVersion, Promotion
from diagnostics.stores.base import StoredFile
from diagnostics.stores.on_disk import DiskStore
from ml.networks import bundle


class VersionStatus(TextChoices):
    """Whether a version serves, did so before, or never did."""

    CANDIDATE = "candidate", _("Candidate")
    ACTIVE = "active", _("Active")
    RETIRED = "retired", _("Previously active")


def status_of(version: ModelVersion) -> str:
    """Return the status of a version; no query where its promotions are prefetched."""
    promotions = version.promotions.all()
    if any(promotion.active for promotion in promotions):
        return VersionStatus.ACTIVE.value
    return VersionStatus.RETIRED.value if promotions else VersionStatus.CANDIDATE.value


def active_version() -> ModelVersion | None:
    """Return the version that serves predictions; one query."""
    return ModelVersion.objects.filter(promotions__active=True).first()


def bundle_path(version: ModelVersion) -> Path:
    """Return the directory of a version's bundle, fetched from S3 if this home has no copy yet.

    Raises StorageUnavailable.
    """
    directory = Path(settings.BUNDLES) / version.bundle
    bundle_store.fetch(directory, version.weights_sha256)
    return directory


def versions() -> QuerySet[ModelVersion]:
    """Return all versions, newest first, each with its promotions."""
    promotions = Promotion.objects.select_related("by").order_by("-since")
    return ModelVersion.objects.select_related("parent").prefetch_related(Prefetch("promotions", promotions))


def deployed_points(version: ModelVersion) -> dict[str, float]:
    """Return the thresholds of a version's newest deployment, or those of its bundle; at most one query."""
    newest = next(iter(version.promotions.all()), None)  # newest first
    points = newest.operating_points if newest else {}
    return dict(points or version.manifest.get("operating_points") or {})


def deployment_history() -> QuerySet[Promotion]:
    """Return all promotions, newest first."""
    return Promotion.objects.select_related("version", "by").order_by("-since")


def deployments_since(start: datetime) -> list[Promotion]:
    """Return the promotions of the versions that were active at some time after `start`, newest first."""
    return list(deployment_history().filter(Q(until=None) | Q(until__gt=start)))


def current_promotion() -> Promotion | None:
    """Return the promotion of the active version."""
    return deployment_history().filter(active=True).first()


def previous_promotion() -> Promotion | None:
    """Return the promotion that the current one ended."""
    return deployment_history().filter(active=False).order_by("-until", "-since").first()


def previous_version() -> ModelVersion | None:
    """Return the version that was active before the current one."""
    previous = previous_promotion()
    return previous.version if previous else None


def site_names() -> dict[str, str]:
    """Return the name of each site by its id, as trust reports name the source of a radiograph."""
    return {str(pk): name for pk, name in Site.objects.values_list("pk", "name")}


def stored_files() -> Iterator[StoredFile]:
    """Yield the files of every version's bundle, with the checksums of its manifest."""
    store = DiskStore(Path(settings.BUNDLES))
    for version in ModelVersion.objects.order_by("number"):
        directory = bundle_path(version)
        recorded = {
            bundle.MANIFEST: "",
            bundle.WEIGHTS: version.weights_sha256,
            bundle.REFERENCE: version.manifest.get("reference_sha256") or "",
        }
        present = {file.name for file in directory.glob("*") if file.is_file()}
        expected = {name for name, sha256 in recorded.items() if sha256} | {bundle.MANIFEST}
        for name in sorted(present | expected):
            relative = f"{version.bundle}/{name}"
            yield StoredFile("bundle", str(version.pk), relative, recorded.get(name, ""), store)
