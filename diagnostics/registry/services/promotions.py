"""Promoting a version, with the operating point chosen for it, and rolling back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.registry import policy, promotion_gate, selectors
from diagnostics.registry.errors import (
    ActiveVersionChanged,
    AlreadyActive,
    BundleDamaged,
    GateNotPassed,
    NoPreviousVersion,
    OperatingPointUnavailable,
    ReasonRequired,
    SecondPersonRequired,
)
from diagnostics.registry.models import ModelVersion, Promotion
from diagnostics.registry.policy import OperatingPointRequest
from ml.errors import BundleError
from ml.networks import bundle as bundles
from ml.networks.manifest import parse_manifest
from ml.records import Manifest

MIN_REASON_LENGTH: Final = 10  # characters


@dataclass(frozen=True)
class Deployment:
    """How a version was promoted; the columns of the same names of a promotion."""

    override: bool = False
    acknowledged: list[str] = field(default_factory=list)
    one_person: bool = False
    roll_back: bool = False
    operating_points: dict[str, float] = field(default_factory=dict)
    operating_choice: dict[str, Any] = field(default_factory=dict)


@transaction.atomic
def promote(
    *,
    version: ModelVersion,
    by: User,
    reason: str,
    now: datetime,
    override: bool = False,
    acknowledged: Collection[str] = (),
    operating_point: OperatingPointRequest | None = None,
) -> Promotion:
    """Make a version the active one, with its operating point, and record the reason.

    For the active version itself: change its thresholds; what its promotion acknowledged holds on. Another
    version whose gate was not passed needs an override that names each rule and check of
    `promotion_gate.Gate.to_acknowledge`. Raises NotAllowed, ReasonRequired, GateNotPassed,
    SecondPersonRequired, OperatingPointUnavailable, BundleDamaged, AlreadyActive or ActiveVersionChanged.
    """
    require(by, Permission.PROMOTE)
    _require_reason(reason)
    current = selectors.current_promotion()
    if current and current.version_id == version.pk:
        override, acknowledged = current.override, current.acknowledged
    else:
        acknowledged = _overridden(version, by=by, acknowledged=acknowledged if override else ())
        override = bool(acknowledged)
    deployment = Deployment(
        override=override,
        acknowledged=list(acknowledged),
        one_person=_is_one_person(version, by),
        **_operating_columns(version, operating_point),
    )
    _check_files(version)
    return activate(version, by=by, reason=reason.strip(), now=now, deployment=deployment)


@transaction.atomic
def roll_back(*, by: User, reason: str, now: datetime, ending: str = "") -> Promotion:
    """Promote the version that was active before the current one, with the operating points it had then.

    Not an override: the version was promoted before. `ending` is the id of the promotion that the page showed
    as the current one. Raises NotAllowed, ReasonRequired, NoPreviousVersion, BundleDamaged or
    ActiveVersionChanged.
    """
    require(by, Permission.PROMOTE)
    _require_reason(reason)
    current = selectors.current_promotion()
    if ending and (current is None or str(current.pk) != ending):
        raise ActiveVersionChanged(
            _("The active version was changed after this page was opened. Check the versions and try again.")
        )
    previous = selectors.previous_promotion()
    if previous is None:
        raise NoPreviousVersion(_("No other version was active before. There is no version to roll back to."))
    _check_files(previous.version)
    deployment = Deployment(
        roll_back=True,
        operating_points=previous.operating_points,
        operating_choice=previous.operating_choice,
    )
    return activate(previous.version, by=by, reason=reason.strip(), now=now, deployment=deployment)


def points_of(version: ModelVersion, request: OperatingPointRequest | None) -> dict[str, float]:
    """Return the thresholds that a promotion would store; raises OperatingPointUnavailable."""
    points: dict[str, float] = dict(version.manifest.get("operating_points") or {})
    if request is None:
        return points
    if unknown := sorted(set(request.thresholds) - set(points)):
        text = _("%(version)s has no finding %(names)s.")
        raise OperatingPointUnavailable(text % {"version": version, "names": ", ".join(unknown)})
    chosen = policy.choose(policy.first_evaluation(version.manifest), request)
    return points | {chosen.finding: chosen.threshold} | request.thresholds


def activate(
    version: ModelVersion, *, by: User | None, reason: str, now: datetime, deployment: Deployment
) -> Promotion:
    """End the current deployment and start another; the caller has checked everything else."""
    Promotion.objects.select_for_update().filter(active=True).first()  # waits for a concurrent promotion
    current = selectors.current_promotion()
    if (
        current
        and current.version_id == version.pk
        and _points_of(current, version) == _points_of(deployment, version)
    ):
        text = _("%(version)s is already the active version with these thresholds.")
        raise AlreadyActive(text % {"version": version})
    Promotion.objects.filter(active=True).update(active=False, until=now)
    try:
        with transaction.atomic():
            promotion = Promotion.objects.create(
                version=version, by=by, reason=reason, since=now, **asdict(deployment)
            )
    except IntegrityError as error:
        raise ActiveVersionChanged(
            _("Another user changed the active version at the same time. Check the versions, then try again.")
        ) from error
    if deployment.override and version.overridden_at is None:
        ModelVersion.objects.filter(pk=version.pk).update(overridden_at=now)
    number = current.version.number if current else None
    detail = {"from": number, "to": version.number, "reason": reason} | asdict(deployment)
    audit.record(action=Action.VERSION_PROMOTED, by=by, target=version, detail=detail, now=now)
    return promotion


def _points_of(deployment: Deployment | Promotion, version: ModelVersion) -> dict[str, float]:
    """Return the thresholds of a deployment; one of an earlier release has those of its version."""
    return dict(deployment.operating_points or version.manifest.get("operating_points") or {})


def _require_reason(reason: str) -> None:
    if len(reason.strip()) < MIN_REASON_LENGTH:
        text = _("Enter a reason of at least %(count)d characters.") % {"count": MIN_REASON_LENGTH}
        raise ReasonRequired(text)


def _overridden(version: ModelVersion, *, by: User, acknowledged: Collection[str]) -> tuple[str, ...]:
    """Return the names that the override acknowledges; empty where the gate was passed."""
    gate = promotion_gate.gate_today(version)
    if gate.passed:
        return ()
    if not acknowledged:
        raise GateNotPassed(
            _("The promotion gate of %(version)s was not passed. Not accepted: %(names)s.")
            % {"version": version, "names": ", ".join(gate.to_acknowledge)}
        )
    require(by, Permission.OVERRIDE_GATE)
    if missing := gate.missing(acknowledged):
        raise GateNotPassed(
            _("The override of %(version)s does not name each rule and check. Not named: %(names)s.")
            % {"version": version, "names": ", ".join(missing)}
        )
    return gate.to_acknowledge


def second_person_text(version: ModelVersion, by: User) -> str:
    """Return why this user may not approve a version; empty where another user requested it, or none."""
    if version.requested_by_id != by.pk or settings.ONE_PERSON_APPROVAL:
        return ""
    text = _(
        "You requested the training of %(version)s. Another administrator must promote it. "
        "At a site with one administrator, set READROOM_ONE_PERSON_APPROVAL."
    )
    return text % {"version": version}


def _is_one_person(version: ModelVersion, by: User) -> bool:
    """Return whether the user approves the own request; raises SecondPersonRequired unless permitted."""
    if text := second_person_text(version, by):
        raise SecondPersonRequired(text)
    return version.requested_by_id == by.pk


def _operating_columns(version: ModelVersion, request: OperatingPointRequest | None) -> dict[str, Any]:
    points = points_of(version, request)
    if request is None:
        return {"operating_points": points}
    chosen = policy.choose(policy.first_evaluation(version.manifest), request)
    return {"operating_points": points, "operating_choice": chosen.as_json()}


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
