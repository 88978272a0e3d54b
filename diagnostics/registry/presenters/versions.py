"""The table of model versions."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics.registry.models import ModelVersion
from diagnostics.registry.presenters import badges, metrics
from diagnostics.registry.presenters.badges import Badge


@dataclass(frozen=True)
class VersionRow:
    """One version in the table of all versions."""

    version: ModelVersion
    active: bool
    deployment: str
    active_badge: Badge
    verdict: Badge
    override: str  # the mark of a version that was promoted in spite of the gate
    performance: str
    training_set: str


def version_row(version: ModelVersion, *, active: bool) -> VersionRow:
    """Return the cells of one version, whose promotions are prefetched."""
    size = metrics.training_set_size(version.manifest)
    return VersionRow(
        version=version,
        active=active,
        deployment=_("Previously active") if version.promotions.all() else _("Never active"),
        active_badge=badges.ACTIVE,
        verdict=badges.version_badge(version),
        override=override_text(version),
        performance=metrics.performance(version.manifest),
        training_set=ngettext("%(n)d radiograph", "%(n)d radiographs", size) % {"n": size} if size else "",
    )


def erased_text(version: ModelVersion) -> str:
    """Return a warning for a version whose training data were erased in part; empty for all others."""
    number = version.erased_radiographs
    if not number:
        return ""
    return ngettext(
        "%(n)d radiograph of the training data was erased since. Train a new version without it.",
        "%(n)d radiographs of the training data were erased since. Train a new version without them.",
        number,
    ) % {"n": number}


def leak_text(version: ModelVersion) -> str:
    """Return the mark of a version trained in spite of the leak and shortcut checks; empty for all others."""
    if not version.leak_names:
        return ""
    return _("Trained in spite of failed leak and shortcut checks: %(names)s. Reason: %(reason)s") % {
        "names": version.leak_names,
        "reason": version.leak_reason,
    }


def override_text(version: ModelVersion) -> str:
    """Return the mark of a version that was promoted in spite of the gate; empty for all others."""
    return _("Promoted in spite of the gate") if version.overridden_at else ""
