"""What may be done with model versions: register, promote, roll back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.errors import NotAllowed
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
from ml.networks import bundle as bundles
from ml.records import BundleError, Manifest

SHORTEST_REASON: Final = 10  # characters


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
    """Put a trained bundle on the shelf as the next version; raises BundleError.

    `metrics` replaces those of the bundle's manifest, for a candidate that was measured after it was written.
    """
    draft = bundle_store.stage(bundle, Path(settings.BUNDLES))
    try:
        with transaction.atomic():
            version = _next_version(bundles.read_manifest(draft).weights_sha256, parent, now)
            version.comparison, version.verdict, version.verdict_reason = comparison, verdict, verdict_reason
            entries = {"version": str(version)} | ({} if metrics is None else {"metrics": metrics})
            version.manifest = bundle_store.as_json(bundle_store.amend(draft, entries))
            version.save()
            bundle_store.place(draft, selectors.bundle_path(version))
            audit.record(
                action=Action.VERSION_REGISTERED,
                by=by,
                target=version,
                detail={"version": version.number, "verdict": verdict},
                now=now,
            )
    finally:
        bundle_store.discard(draft)
    return version


@transaction.atomic
def promote(
    *, version: ModelVersion, by: User, reason: str, now: datetime, override: bool = False
) -> Promotion:
    """Bring a version into force, with a reason that stays on record."""
    if not by.has_permission(Permission.PROMOTE):
        raise NotAllowed(_("Your role may not promote model versions."))
    if len(reason.strip()) < SHORTEST_REASON:
        raise ReasonRequired(
            _("Please say why, in at least %(count)d characters.") % {"count": SHORTEST_REASON}
        )
    if version.verdict == Verdict.REJECT and not override:
        raise OverrideRequired(
            _("%(version)s was found worse than the version in force. Tick the box to promote it anyway.")
            % {"version": version}
        )
    _check_files(version)
    return _activate(version, by=by, reason=reason.strip(), now=now, override=override)


def roll_back(*, by: User, reason: str, now: datetime) -> Promotion:
    """Promote the version that was in force before this one."""
    previous = selectors.previous_version()
    if previous is None:
        raise NoPreviousVersion(_("No other version was in force before: there is nothing to go back to."))
    return promote(version=previous, by=by, reason=reason, now=now, override=True)


def adopt_default(*, now: datetime) -> ModelVersion | None:
    """Register and promote the network that comes with Readroom, when there is no version yet."""
    if ModelVersion.objects.exists():
        return None
    with transaction.atomic():
        version = register_candidate(
            bundle=Path(settings.DEFAULT_BUNDLE),
            comparison={},
            verdict=Verdict.NONE,
            verdict_reason=_("The first version; there was none to compare it with."),
            parent=None,
            by=None,
            now=now,
        )
        _activate(
            version, by=None, reason=_("The network that comes with Readroom."), now=now, override=False
        )
    return version


def _next_version(weights_sha256: str, parent: ModelVersion | None, now: datetime) -> ModelVersion:
    last = ModelVersion.objects.select_for_update().order_by("-number").first()
    number = last.number + 1 if last else 1
    # The row goes in before the files: its unique number makes the directory's name ours alone.
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
    except BundleError as trouble:
        raise _damaged(version) from trouble
    # The manifest carries thresholds and calibration: they must be those that were compared.
    if manifest.weights_sha256 != version.weights_sha256 or manifest != _registered(version):
        raise _damaged(version)


def _registered(version: ModelVersion) -> Manifest:
    try:
        return bundles.manifest_of(version.manifest)  # an earlier release may have written it
    except BundleError as trouble:
        raise _damaged(version) from trouble


def _damaged(version: ModelVersion) -> BundleDamaged:
    return BundleDamaged(
        _("The files of %(version)s are not those that were registered. Restore them from a backup first.")
        % {"version": version}
    )


def _activate(
    version: ModelVersion, *, by: User | None, reason: str, now: datetime, override: bool
) -> Promotion:
    Promotion.objects.select_for_update().filter(active=True).first()  # waits for a rival promotion
    open_one = selectors.current_promotion()
    if open_one and open_one.version_id == version.pk:
        raise AlreadyActive(_("%(version)s is in force already.") % {"version": version})
    Promotion.objects.filter(active=True).update(active=False, until=now)
    try:
        with transaction.atomic():
            promotion = Promotion.objects.create(version=version, by=by, reason=reason, since=now)
    except IntegrityError as trouble:
        raise ActiveVersionChanged(
            _("Somebody else changed the version in force at this moment. Look again before you decide.")
        ) from trouble
    audit.record(
        action=Action.VERSION_PROMOTED,
        by=by,
        target=version,
        detail={
            "from": open_one.version.number if open_one else None,
            "to": version.number,
            "override": override,
            "reason": reason,
        },
        now=now,
    )
    return promotion
