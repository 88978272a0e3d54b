"""What is in force, what was, and where each version's files lie."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db.models import Prefetch, QuerySet

from diagnostics.registry.models import ModelVersion, Promotion


def active_version() -> ModelVersion | None:
    """Find the version that answers new cases; one cheap query."""
    return ModelVersion.objects.filter(promotions__active=True).first()


def bundle_path(version: ModelVersion) -> Path:
    """Say in which directory a version's bundle lies."""
    return Path(settings.BUNDLES) / version.bundle


def versions() -> QuerySet[ModelVersion]:
    """List every version, the newest first, each with its promotions."""
    promotions = Promotion.objects.select_related("by").order_by("-since")
    return ModelVersion.objects.select_related("parent").prefetch_related(Prefetch("promotions", promotions))


def history() -> QuerySet[Promotion]:
    """List what was in force from when to when, the present first."""
    return Promotion.objects.select_related("version", "by").order_by("-since")


def current_promotion() -> Promotion | None:
    """Find the promotion that holds now."""
    return history().filter(active=True).first()


def previous_version() -> ModelVersion | None:
    """Find the version that was in force before the present one."""
    before = history().filter(active=False).first()
    return before.version if before else None
