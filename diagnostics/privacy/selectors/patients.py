"""The cases of a patient, the rows that belong to them, and their files."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site
from diagnostics.cases import storage
from diagnostics.cases.models import Case, Prediction, Radiograph
from diagnostics.imports.models import ImportedFile
from diagnostics.privacy.errors import UnknownPatient
from diagnostics.privacy.policy import PatientTable
from diagnostics.privacy.selectors import identities
from diagnostics.review.models import Reading, SavedView


def patient_digest(site: Site, patient_ref: str) -> str:
    """Return a keyed digest of a patient; another key and prefix than those of training snapshots."""
    text = f"privacy\n{site.pk}\n{patient_ref}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).hexdigest()


def case_ids(site: Site, patient_ref: str) -> list[UUID]:
    """Return the ids of the patient's cases and of their control copies; raises UnknownPatient.

    They may all have been moved to another patient, while the record of this one is still there.
    """
    own = Case.objects.filter(site=site, patient_ref=patient_ref, copy_of=None)
    ids = with_copies(own.values_list("pk", flat=True))
    if not ids and not identities.is_known(site, patient_ref):
        raise UnknownPatient(
            _("%(site)s has no case of this patient. Check the reference and the site.") % {"site": site}
        )
    return ids


def with_copies(cases: Iterable[UUID]) -> list[UUID]:
    """Return the cases and their control copies, in a stable order."""
    found: dict[UUID, None] = {}
    added = list(cases)
    while added:
        found |= dict.fromkeys(added)
        copies = Case.objects.filter(copy_of__in=added).values_list("pk", flat=True)
        added = [pk for pk in copies.order_by("opened_at", "pk") if pk not in found]
    return list(found)


def rows_of(table: PatientTable, cases: list[UUID]) -> QuerySet[Any]:
    """Return the rows of a table that belong to these cases."""
    return apps.get_model(table.model)._default_manager.filter(**{f"{table.case}__in": cases})


def files_of(cases: list[UUID]) -> list[str]:
    """Return the files of the cases' radiographs and predictions in their store."""
    names: list[str] = []
    for radiograph in Radiograph.objects.filter(case__in=cases).values_list("pk", flat=True):
        files = storage.radiograph_files(radiograph)
        names += [files.original, files.display, files.grey, files.depth, files.thumbnail]
    return names + prediction_files(Prediction.objects.filter(case__in=cases))


def prediction_files(predictions: QuerySet[Prediction]) -> list[str]:
    """Return the files of predictions in their store."""
    pairs = predictions.exclude(heatmap_file="").values_list("heatmap_file", "overlay_file")
    return [name for pair in pairs for name in pair]


def unimported_files(site: Site, patient_ref: str) -> QuerySet[ImportedFile]:
    """Return the listed files of the patient in imports, which have no case."""
    return ImportedFile.objects.filter(import_job__site=site, patient_ref=patient_ref, case=None)


def saved_views_of(site: Site, patient_ref: str) -> list[SavedView]:
    """Return the saved worklist views of the site's staff whose parameters contain the reference."""
    views = SavedView.objects.filter(owner__sites=site).distinct()
    return [
        view for view in views if patient_ref in (value for _name, value in parse_qsl(view.query.lstrip("?")))
    ]


def mentions_elsewhere(site: Site, patient_ref: str, cases: list[UUID]) -> int:
    """Count the readings of other cases of the site whose note contains the reference."""
    others = Reading.objects.filter(case__site=site).exclude(case__in=cases)
    return others.filter(note__contains=patient_ref).count()
