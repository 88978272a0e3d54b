"""The evidence pack of a model version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from django.db import transaction
from django.utils import translation

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.monitoring.selectors import version_evidence as selectors
from diagnostics.monitoring.services.evidence_archive import Member, json_member, stream
from diagnostics.registry import bundle_store
from diagnostics.registry import selectors as registry
from diagnostics.registry.models import ModelVersion
from diagnostics.registry.presenters import model_card
from ml.trust import report_files

FORMAT: Final = "readroom-version-evidence-1"
CHUNK: Final = 64 * 1024
CARD: Final = "model_card" + ".md"
ABSENT: Final = {
    "predictions.csv": "no training run of this installation",
    "snapshot.jsonl": "no stored snapshot",
    report_files.JSON: "no stored trust report",
    report_files.HTML: "no stored trust report",
}


@dataclass(frozen=True)
class VersionEvidence:
    """The members of an evidence pack, and the names of those that a version does not have."""

    version: ModelVersion
    members: tuple[Member, ...]
    absent: tuple[str, ...]

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes of the ZIP; the same facts give the same bytes."""
        head = {
            "format": FORMAT,
            "version": str(self.version),
            "version_id": str(self.version.pk),
            "weights_sha256": self.version.weights_sha256,
            "research_use": "Research use only. Not for diagnosis.",
            "absent": {name: ABSENT[name] for name in self.absent},
        }
        return stream(self.members, head=head)


@transaction.atomic
def export(*, version: ModelVersion, by: User, now: datetime) -> VersionEvidence:
    """Return the evidence pack of a version and audit its export; raises NotAllowed."""
    require(by, Permission.AUDIT)
    run, bundle = selectors.run_of(version), registry.bundle_path(version)
    present = [_file(name, bundle / name) for name in (report_files.JSON, report_files.HTML)]
    if run:
        present.append(Member("predictions.csv", partial(selectors.prediction_lines, run)))
        present.append(_file("snapshot.jsonl", selectors.snapshot_path(run)))
    files = [member for member in present if member]
    facts: dict[str, Any] = {
        "config.json": selectors.config_of(version, run),
        "metrics.json": selectors.metrics_of(version, run),
        "comparison.json": selectors.comparison_of_version(version),
        "approval.json": selectors.approval_of(version, run),
        "shadow.json": selectors.shadow_of(version),
    }
    members = [
        *(json_member(name, content) for name, content in facts.items()),
        _card(version, bundle),
        *files,
    ]
    audit.record(
        action=Action.VERSION_EVIDENCE_EXPORTED,
        by=by,
        target=version,
        detail={"version": version.number},
        now=now,
    )
    names = {member.name for member in members}
    return VersionEvidence(
        version,
        tuple(sorted(members, key=lambda member: member.name)),
        tuple(name for name in ABSENT if name not in names),
    )


def _card(version: ModelVersion, bundle: Path) -> Member:
    with translation.override("en"):  # the same text for each user
        text = bundle_store.read_model_card(bundle) + model_card.approval(version.promotions.all())
    return Member(CARD, lambda: [text.encode()])


def _file(name: str, path: Path) -> Member | None:
    return Member(name, partial(_read, path)) if path.is_file() else None


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
