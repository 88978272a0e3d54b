"""Texts of a case's lineage for its page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from diagnostics.accounts.roles import Role
from diagnostics.cases.presenters.case import short_number
from diagnostics.cases.presenters.prediction import finding_label
from diagnostics.registry.models import ModelVersion
from diagnostics.registry.presenters.versions import override_text
from diagnostics.training.models import Part, TrainingRun
from diagnostics.training.selectors.lineage import Lineage, Origin, Signature, Use


@dataclass(frozen=True)
class SignatureRow:
    """A label and who signed or imported it."""

    label: UUID
    kind: str
    finding: str
    by: str
    role: str
    at: datetime
    case: UUID | None
    part: str


@dataclass(frozen=True)
class OriginRow:
    """A prediction and the chain to its snapshot."""

    prediction: UUID
    at: datetime | None
    version: ModelVersion
    mark: str
    parent: ModelVersion | None
    run: TrainingRun | None
    snapshot: str
    counts: str
    shown: bool


@dataclass(frozen=True)
class UseRow:
    """A run that used a label."""

    run: TrainingRun
    part: str
    version: ModelVersion | None
    predictions: int


@dataclass(frozen=True)
class TaughtRow:
    """A label of the case and its uses."""

    signature: SignatureRow
    uses: tuple[UseRow, ...]


@dataclass(frozen=True)
class LineagePage:
    """The values of the page."""

    number: str
    origins: tuple[OriginRow, ...]
    shown: OriginRow | None
    labels: tuple[SignatureRow, ...]
    page: int
    pages: int
    previous: int  # 0: none
    following: int
    taught: tuple[TaughtRow, ...]


def lineage_page(lineage: Lineage) -> LineagePage:
    """Return a lineage for its page."""
    origins = tuple(_origin(each, shown=each is lineage.shown) for each in lineage.origins)
    return LineagePage(
        number=short_number(lineage.case),
        origins=origins,
        shown=next((each for each in origins if each.shown), None),
        labels=tuple(_signature(each.signature, each.part) for each in lineage.labels),
        page=lineage.page,
        pages=lineage.pages,
        previous=lineage.page - 1,
        following=lineage.page + 1 if lineage.page < lineage.pages else 0,
        taught=tuple(
            TaughtRow(_signature(each.signature, ""), tuple(map(_use, each.uses))) for each in lineage.taught
        ),
    )


def _origin(origin: Origin, *, shown: bool) -> OriginRow:
    counts = [f"{Part(part).label} {count}" for part, count in origin.counts.items()]
    return OriginRow(
        prediction=origin.prediction.pk,
        at=origin.prediction.finished_at,
        version=origin.version,
        mark=override_text(origin.version),
        parent=origin.version.parent,
        run=origin.run,
        snapshot=origin.run.snapshot_sha256 if origin.run else "",
        counts=", ".join(counts) or _("not stored"),
        shown=shown,
    )


def _signature(signature: Signature, part: str) -> SignatureRow:
    return SignatureRow(
        label=signature.label,
        kind=_("imported") if signature.imported else _("reading"),
        finding=finding_label(signature.finding),
        by=signature.by or _("a user of another site"),
        role=str(Role(signature.role).label) if signature.role in Role.values else signature.role,
        at=signature.at,
        case=signature.case,
        part=str(Part(part).label) if part else "",
    )


def _use(use: Use) -> UseRow:
    part = str(Part(use.part).label) if use.part else _("not stored")
    return UseRow(use.run, part, use.version, use.predictions)
