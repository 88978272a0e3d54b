"""Erasure of a patient or of expired cases.

One transaction deletes the rows in the order of `policy.ERASURE_ORDER`, marks the model versions trained on
them and lists the files. The files are removed after the commit; what is still listed when that is
interrupted is removed by the next call of `finish_pending`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site, User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import storage
from diagnostics.cases.models import Case
from diagnostics.cases.services.control_copies import COPIED_TEXTS
from diagnostics.integrations.selectors.idempotency import answers_about
from diagnostics.patients.models import Patient
from diagnostics.privacy.errors import TrainingIsOpen
from diagnostics.privacy.models import Cause, Erasure
from diagnostics.privacy.policy import ERASURE_ORDER
from diagnostics.privacy.selectors import identities, patients, training_use
from diagnostics.privacy.services import database_pages
from diagnostics.privacy.services.access import require_privacy
from diagnostics.registry import services as registry
from diagnostics.review.services import kept_figures
from diagnostics.training.models import TrainingRun
from diagnostics.training.selectors import runs
from diagnostics.training.services import snapshot_figures
from diagnostics.uploads import selectors as uploads
from diagnostics.uploads import storage as staged_files
from diagnostics.uploads.models import StagedUpload


@dataclass(frozen=True)
class Extent:
    """What an erasure would delete."""

    rows: Mapping[str, int]  # table -> rows
    files: int
    runs: tuple[int, ...]  # numbers of training runs whose snapshot contains the patient
    unreadable_runs: tuple[int, ...]  # their snapshot is missing, so that they may contain the patient
    versions: tuple[int, ...]  # numbers of model versions trained on the radiographs
    mentions: int  # notes of other cases that contain the reference


def preview(*, site: Site, patient_ref: str, by: User) -> Extent:
    """Return what the erasure of a patient would delete; raises NotAllowed, UnknownPatient."""
    require_privacy(by, site)
    cases = patients.case_ids(site, patient_ref)
    uses = training_use.uses_of(training_use.labels_of(cases))
    rows = {table.model: patients.rows_of(table, cases).count() for table in ERASURE_ORDER}
    rows["imports.ImportedFile"] += patients.unimported_files(site, patient_ref).count()
    named = identities.references_of(cases) | {patient_ref}
    rows |= {model: each.count() for model, each in identities.identity_rows(site, named).items()}
    rows["uploads.StagedUpload"] = uploads.of_patient(site, patient_ref, cases).count()
    return Extent(
        rows={model: count for model, count in rows.items() if count},
        files=len(patients.files_of(cases)),
        runs=tuple(use.run.number for use in uses if use.labels),
        unreadable_runs=tuple(use.run.number for use in uses if use.labels is None),
        versions=tuple(version.number for version in training_use.versions_of(uses)),
        mentions=patients.mentions_elsewhere(site, patient_ref, cases),
    )


def erase_patient(*, site: Site, patient_ref: str, reason: str, by: User, now: datetime) -> Erasure:
    """Delete everything of a patient of a site and return the record of it.

    Raises NotAllowed, UnknownPatient, TrainingIsOpen.
    """
    require_privacy(by, site)
    with transaction.atomic():
        database_pages.overwrite_deleted()
        cases = patients.case_ids(site, patient_ref)
        erasure = Erasure(
            site=site,
            cause=Cause.REQUEST,
            patient=patients.patient_digest(site, patient_ref),
            reason=reason,
            by=by,
            at=now,
        )
        unimported = patients.unimported_files(site, patient_ref).delete()[0]
        views = [view.delete() for view in patients.saved_views_of(site, patient_ref)]
        also = {"imports.ImportedFile": unimported, "review.SavedView": len(views)}
        staged = uploads.of_patient(site, patient_ref, cases)
        _erase(erasure, cases, staged=staged, also=also, references={patient_ref})
        database_pages.forget_search_terms()
    finish(erasure)
    return erasure


def erase_expired(*, cases: list[UUID], site: Site, reason: str, now: datetime) -> Erasure:
    """Delete cases that a retention rule no longer keeps; raises TrainingIsOpen."""
    with transaction.atomic():
        database_pages.overwrite_deleted()
        erasure = Erasure(site=site, cause=Cause.RETENTION, reason=reason, by=None, at=now)
        erased = patients.with_copies(cases)
        _erase(erasure, erased, staged=uploads.of_cases(erased), also={}, references=set())
        database_pages.forget_search_terms()
    finish(erasure)
    return erasure


def erase_again(*, digests: Collection[str], by: User, now: datetime) -> list[Erasure]:
    """Erase the patients whose digests are given; for a database that was restored from an older backup.

    Raises NotAllowed, TrainingIsOpen.
    """
    patients_of_sites = Case.objects.filter(copy_of=None, site__in=by.sites.all())
    of_cases = patients_of_sites.order_by("site", "patient_ref").values_list("site", "patient_ref")
    of_records = Patient.objects.filter(site__in=by.sites.all()).values_list("site", "reference")
    pairs = dict.fromkeys([*of_cases.distinct(), *of_records])
    sites = {site.pk: site for site in by.sites.all()}
    reason = _("erased before; a backup had restored it")
    return [
        erase_patient(site=sites[site], patient_ref=reference, reason=reason, by=by, now=now)
        for site, reference in pairs
        if patients.patient_digest(sites[site], reference) in digests
    ]


def finish_pending() -> int:
    """Remove the files that interrupted erasures have left; return the number of these erasures."""
    unfinished = list(Erasure.objects.exclude(pending={}))
    for erasure in unfinished:
        finish(erasure)
    return len(unfinished)


def finish(erasure: Erasure) -> None:
    """Remove the files and snapshot lines of a committed erasure; raises OSError and can be repeated."""
    for name in erasure.pending.get("media", []):
        storage.store().remove(name)
    for upload_id in erasure.pending.get("staged", []):
        staged_files.remove(UUID(upload_id))
    for run_id, labels in erasure.pending.get("snapshots", {}).items():
        _remove_lines(TrainingRun.objects.get(pk=run_id), frozenset(labels))
    erasure.pending = {}
    erasure.save(update_fields=["pending"])
    database_pages.clear_log()


def _erase(
    erasure: Erasure,
    cases: list[UUID],
    *,
    staged: QuerySet[StagedUpload],
    also: Mapping[str, int],
    references: set[str],
) -> None:
    if runs.open_run() is not None:
        raise TrainingIsOpen(
            _("A training run is queued or running, and may use these radiographs. Stop it or wait.")
        )
    list(Case.objects.select_for_update().filter(pk__in=cases).values_list("pk"))  # no reading is added now
    labels = training_use.labels_of(cases)
    uses = [use for use in training_use.uses_of(labels) if use.labels]
    versions = training_use.versions_of(uses)
    erasure.cases = [str(pk) for pk in cases]
    erasure.runs = [use.run.number for use in uses]
    erasure.versions = [version.number for version in versions]
    erasure.pending = {
        "media": patients.files_of(cases),
        "staged": [str(pk) for pk in staged.values_list("pk", flat=True)],
        "snapshots": {str(use.run.pk): use.labels for use in uses},
    }
    registry.mark_erased(versions, radiographs=len({label for use in uses for label in use.labels or ()}))
    named = references | identities.references_of(cases)
    answers_about(cases).delete()  # of the API, kept for a day
    _forget_texts(erasure.site, cases)
    also = {**also, "uploads.StagedUpload": staged.delete()[0]}
    deleted = {table.model: _delete(patients.rows_of(table, cases)) for table in ERASURE_ORDER}
    deleted |= _erase_identities(erasure.site, named)
    kept_figures.recount(cases)
    snapshot_figures.count_again([use.run.pk for use in uses])
    counts = {model: count + also.get(model, 0) for model, count in (dict(also) | deleted).items()}
    erasure.rows = {model: count for model, count in counts.items() if count}
    erasure.save(force_insert=True)
    _record(erasure)


def _forget_texts(site: Site, cases: list[UUID]) -> None:
    """Empty question and referrer of other patients' control copies that repeat those of these cases.

    No row says from which case a control copy has its texts, so equal texts count as copied.
    """
    erased = Case.objects.filter(pk__in=cases, copy_of=None)
    copies = Case.objects.filter(site=site, copy_of__isnull=False).exclude(pk__in=cases)
    for column in COPIED_TEXTS:
        texts = list(erased.exclude(**{column: ""}).values_list(column, flat=True).distinct())
        copies.filter(**{f"{column}__in": texts}).update(**{column: ""})


def _erase_identities(site: Site, references: set[str]) -> dict[str, int]:
    """Delete what is stored of patients who have no case left; return the rows by table."""
    gone = identities.without_case(site, references)
    for correction in identities.mentions_in_corrections(site, gone):  # of a case that another patient has
        correction.old = "" if correction.old in gone else correction.old
        correction.new = "" if correction.new in gone else correction.new
        correction.save(update_fields=["old", "new"])
    return {model: rows.delete()[0] for model, rows in identities.identity_rows(site, gone).items()}


def _delete(rows: QuerySet[Any]) -> int:
    """Delete rows; those that others of the table refer to, such as amended readings, come last."""
    referring = [
        field.name for field in rows.model._meta.related_objects if field.related_model is rows.model
    ]
    deleted = 0
    while number := rows.filter(**dict.fromkeys(referring)).delete()[0]:
        deleted += number
    return deleted


def _record(erasure: Erasure) -> None:
    action = Action.PATIENT_ERASED if erasure.cause == Cause.REQUEST else Action.RETENTION_APPLIED
    detail = {
        "site": str(erasure.site),
        "patient": erasure.patient[:16],
        "rows": erasure.rows,
        "files": len(erasure.pending["media"]),
        "runs": erasure.runs,
        "versions": erasure.versions,
    }
    audit.record(action=action, by=erasure.by, target=erasure, detail=detail, now=erasure.at)


def _remove_lines(run: TrainingRun, labels: frozenset[str]) -> None:
    path = training_use.snapshot_path(run)
    if not path.is_file():  # its folder was removed since
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    draft = path.with_name(f"{path.name}.tmp")
    draft.write_text("".join(line for line in lines if training_use.label_of(line) not in labels), "utf-8")
    draft.replace(path)
