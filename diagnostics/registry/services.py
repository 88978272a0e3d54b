"""Registering, promoting and rolling back model versions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.files import delete_folders
from diagnostics.registry import bundle_store, selectors
from diagnostics.registry.errors import (
    ActiveVersionChanged,
    AlreadyActive,
    BundleDamaged,
    NoPreviousVersion,
    OverrideRequired,
    ReasonRequired,
)
from diagnostics.registry.models import ModelVersion, Promotion, Verdict
from ml.errors import BundleError
from ml.networks import bundle as bundles
from ml.networks.manifest import parse_manifest
from ml.records import Manifest

MIN_REASON_LENGTH: Final = 10  # characters


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
) -> ModelVersion:
    """Copy a trained bundle into the store and register it as the next version; raises BundleError.

    `metrics` replaces those of the bundle's manifest, for a candidate evaluated after the bundle was written.
    """
    staged = bundle_store.stage(bundle, Path(settings.BUNDLES))
    try:
        with transaction.atomic():
            version = _next_version(bundles.read_manifest(staged).weights_sha256, parent, now)
            version.comparison, version.verdict, version.verdict_reason = comparison, verdict, verdict_reason
            entries = {"version": str(version)} | ({} if metrics is None else {"metrics": metrics})
            version.manifest = bundle_store.as_json(bundle_store.amend_manifest(staged, entries))
            version.save()
            bundle_store.move_into_store(staged, selectors.bundle_path(version))
            audit.record(
                action=Action.VERSION_REGISTERED,
                by=by,
                target=version,
                detail={"version": version.number, "verdict": verdict},
                now=now,
            )
    finally:
        bundle_store.discard(staged)
    return version


@transaction.atomic
def promote(
    *, version: ModelVersion, by: User, reason: str, now: datetime, override: bool = False
) -> Promotion:
    """Make a version the active one and record the reason.

    Raises NotAllowed, ReasonRequired, OverrideRequired, BundleDamaged, AlreadyActive or ActiveVersionChanged.
    """
    require(by, Permission.PROMOTE)
    if len(reason.strip()) < MIN_REASON_LENGTH:
        raise ReasonRequired(
            _("Enter a reason of at least %(count)d characters.") % {"count": MIN_REASON_LENGTH}
        )
    if version.verdict == Verdict.REJECT and not override:
        raise OverrideRequired(
            _("The promotion gate rejected %(version)s. Select the override to promote it nevertheless.")
            % {"version": version}
        )
    _check_files(version)
    return _activate(version, by=by, reason=reason.strip(), now=now, override=override)


def roll_back(*, by: User, reason: str, now: datetime) -> Promotion:
    """Promote the version that was active before the current one; raises NoPreviousVersion."""
    previous = selectors.previous_version()
    if previous is None:
        raise NoPreviousVersion(_("No other version was active before. There is no version to roll back to."))
    return promote(version=previous, by=by, reason=reason, now=now, override=True)


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
        _activate(version, by=None, reason=_("Default network of Readroom."), now=now, override=False)
    return version


def sweep(*, older_than: timedelta, now: datetime) -> int:
    """Delete old directories of the store that no version names; return how many."""
    old = bundle_store.old_directories(Path(settings.BUNDLES), older_than, now=now)
    named = set(ModelVersion.objects.values_list("bundle", flat=True))
    return delete_folders(directory for directory in old if directory.name not in named)


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


def _check_files(version: ModelVersion) -> None:
    try:
        manifest = bundles.verify(selectors.bundle_path(version))
    except BundleError as error:
        raise _damaged(version) from error
    # The manifest contains operating points and calibration: they must equal those that were evaluated.
    if manifest.weights_sha256 != version.weights_sha256 or manifest != _registered(version):
        raise _damaged(version)


def _registered(version: ModelVersion) -> Manifest:
    try:
        return parse_manifest(version.manifest)  # possibly written by an earlier release
    except BundleError as error:
        raise _damaged(version) from error


def _damaged(version: ModelVersion) -> BundleDamaged:
    return BundleDamaged(
        _("The files of %(version)s differ from the registered ones. Restore them from a backup first.")
        % {"version": version}
    )


def _activate(
    version: ModelVersion, *, by: User | None, reason: str, now: datetime, override: bool
) -> Promotion:
    Promotion.objects.select_for_update().filter(active=True).first()  # waits for a concurrent promotion
    current = selectors.current_promotion()
    if current and current.version_id == version.pk:
        raise AlreadyActive(_("%(version)s is already the active version.") % {"version": version})
    Promotion.objects.filter(active=True).update(active=False, until=now)
    try:
        with transaction.atomic():
            promotion = Promotion.objects.create(version=version, by=by, reason=reason, since=now)
    except IntegrityError as error:
        raise ActiveVersionChanged(
            _("Another user changed the active version at the same time. Check the versions, then try again.")
        ) from error
    audit.record(
        action=Action.VERSION_PROMOTED,
        by=by,
        target=version,
        detail={
            "from": current.version.number if current else None,
            "to": version.number,
            "override": override,
            "reason": reason,
        },
        now=now,
    )
    return promotion
