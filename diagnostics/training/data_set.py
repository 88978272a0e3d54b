"""The first steps of a run: freeze its radiographs, search them for leaks, split them by patient."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.conf import settings

from diagnostics.cases import storage
from diagnostics.cases.models import Radiograph
from diagnostics.cases.storage import UnusableFile
from diagnostics.jobs.errors import JobError
from diagnostics.registry.models import ModelVersion
from diagnostics.training import snapshot, snapshot_index
from diagnostics.training.errors import LEAKS_FOUND
from diagnostics.training.models import Part, Phase, SnapshotLabel
from diagnostics.training.run_context import RunContext
from diagnostics.training.selectors import labels
from diagnostics.training.snapshot import SnapshotEntry
from ml.datasets import patient_split
from ml.datasets.image_groups import NearDuplicates
from ml.datasets.patient_split import Split
from ml.networks.manifest import parse_manifest
from ml.records import LabelledImage, Preprocessing

if TYPE_CHECKING:
    from ml.trust.leak_checks import LeakCheck

FETCHED: Final = 100  # radiographs between two looks at the lease

logger = logging.getLogger(__name__)


def freeze(context: RunContext, version: ModelVersion) -> Split:
    """Store the snapshot of a run and return its split.

    Raises JobError: `leaks_found` unless the run has a written reason to go on, `too_few_cases` or
    `data_damaged`.
    """
    context.update(phase=Phase.FREEZING)
    now, frozen = context.clock(), _frozen_labels(context)
    entries = list(
        labels.labelled_radiographs() if frozen is None else labels.labelled_radiographs_of(frozen)
    )
    _fetch(entries, check_lease=context.lease.check)
    present = [entry for entry in entries if entry.path.is_file()]
    text = snapshot.to_lines(present, secret=settings.SECRET_KEY)
    sha256 = snapshot.freeze(context.folder, text)
    images = snapshot.labelled_images(present, secret=settings.SECRET_KEY)
    frozen_at = now if frozen is None else context.run.frozen_at
    context.update(phase=Phase.LEAK_CHECKS, snapshot_sha256=sha256, frozen_at=frozen_at)
    report = context.leaks(images, _preprocessing(context, version), tags=_tags(present))
    context.update(leak_checks=_stored(report.checks, present))
    split = _split(
        context,
        images,
        report.near_duplicates,
        complete=len(present) == len(entries),
        trained=_trained(context, version, present),
    )
    snapshot_index.write(context.run, present, split)
    excluded = snapshot.exclusion_counts(
        split.exclusions, missing=len(entries) - len(present), conflicting=labels.conflicting_cases()
    )
    others = {"excluded": excluded, "imported": {"cases": sum(entry.imported for entry in present)}}
    context.update(counts=split.counts() | others)
    if any(check.failed for check in report.checks) and not context.run.leak_reason:
        raise JobError(LEAKS_FOUND)
    return split


def _frozen_labels(context: RunContext) -> frozenset[UUID] | None:
    """Return the labels of the snapshot of an earlier attempt; None in the first."""
    return snapshot.frozen_labels(context.folder, sha256=context.run.snapshot_sha256)


def _fetch(entries: Sequence[SnapshotEntry], *, check_lease: Callable[[], None]) -> None:
    """Copy radiographs from S3 to this host; damaged ones stay missing. Raises StorageUnavailable."""
    if not settings.S3:
        return
    for start in range(0, len(entries), FETCHED):
        check_lease()
        cases = [entry.case for entry in entries[start : start + FETCHED]]
        for radiograph in Radiograph.objects.filter(case__in=cases):
            try:
                storage.fetch(storage.radiograph_files(radiograph.pk).grey, radiograph.grey_sha256)
            except UnusableFile as error:
                logger.error("the radiograph %s is %s", radiograph.pk, error.problem)


def _preprocessing(context: RunContext, version: ModelVersion) -> Preprocessing:
    spec = context.parameters.spec()
    return parse_manifest(version.manifest).preprocessing if spec.fine_tune else spec.preprocessing


def _tags(entries: Sequence[SnapshotEntry]) -> Mapping[Path, tuple[str, ...]]:
    return {entry.path: entry.file_tags for entry in entries}


def _stored(checks: Sequence[LeakCheck], entries: Sequence[SnapshotEntry]) -> list[dict[str, Any]]:
    """Return the checks as JSON values, with the ids of the cases that they name."""
    cases = {entry.path: entry.case for entry in entries}
    return [_row(check, cases) for check in checks]


def _row(check: LeakCheck, cases: Mapping[Path, UUID]) -> dict[str, Any]:
    low, high = check.ci or (None, None)
    return {
        "code": check.code,
        "status": check.status,
        "value": check.value,
        "low": low,
        "high": high,
        "n": check.n,
        "findings": list(check.findings),
        "groups": [[str(cases[path]) for path in group] for group in check.groups],
    }


def _trained(context: RunContext, version: ModelVersion, entries: Sequence[SnapshotEntry]) -> frozenset[Path]:
    """Return the radiographs that the network to start from was trained on; none from random weights.

    A patient who was merged or corrected since may be in the test set of this run.
    """
    lineage: list[ModelVersion] = []
    earlier = version if context.parameters.spec().fine_tune else None
    while earlier is not None:
        lineage.append(earlier)
        earlier = earlier.parent
    parts = (Part.TRAIN, Part.VALIDATION)
    labels = SnapshotLabel.objects.filter(run__candidate__in=lineage, part__in=parts)
    cases = set(labels.values_list("case", flat=True))
    return frozenset(entry.path for entry in entries if entry.case in cases)


def _split(
    context: RunContext,
    images: Sequence[LabelledImage],
    duplicates: NearDuplicates,
    *,
    complete: bool,
    trained: frozenset[Path],
) -> Split:
    seed = context.parameters.seed
    try:
        return patient_split.split_by_patient(images, seed=seed, near_duplicates=duplicates, trained=trained)
    except patient_split.TooFewCases as error:
        damaged = not complete or duplicates.unreadable
        raise JobError("data_damaged" if damaged else "too_few_cases") from error
