"""The radiographs that DICOMweb shows a user, found by the attributes of a QIDO query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from django.db.models import Case as Choice
from django.db.models import CharField, F, Max, Q, QuerySet, When
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.cases import selectors as cases
from diagnostics.cases.models import Radiograph
from diagnostics.integrations.errors.dicomweb import IdentifiersRequired
from diagnostics.integrations.instance_uids import in_series, in_studies, of_instances
from diagnostics.integrations.qido_query import PATIENT, QidoQuery, has_wildcard
from diagnostics.patients import selectors as patients
from diagnostics.patients.models import Patient

CONDITIONS: Final = {
    "StudyInstanceUID": in_studies,
    "SeriesInstanceUID": in_series,
    "SOPInstanceUID": of_instances,
}
COLUMNS: Final = {
    "AccessionNumber": "case__accession_number",
    "PatientID": "case__patient_ref",
    "Modality": "modality",
    "ModalitiesInStudy": "modality",
}


@dataclass(frozen=True)
class Group:
    """The radiographs of one study or series; `first` stands for the attributes that they share."""

    first: Radiograph
    series: int
    instances: int
    modalities: tuple[str, ...]


def visible_to(user: User) -> QuerySet[Radiograph]:
    """Return the radiographs of the cases that the user may see, but withdrawn ones."""
    visible = cases.visible_to(user).filter(withdrawn_at=None)
    return Radiograph.objects.filter(case__in=visible).select_related("case", "case__site")


def matching(user: User, query: QidoQuery, *, identifiers: bool) -> QuerySet[Radiograph]:
    """Return the visible radiographs that match a query; raises IdentifiersRequired."""
    found = visible_to(user)
    for keyword, uids in query.uids.items():
        found = found.filter(CONDITIONS[keyword](uids))
    for keyword, value in query.matches.items():
        if keyword in PATIENT and has_wildcard(value) and not identifiers:
            raise IdentifiersRequired(
                _("Searching for a part of a name or reference needs a token with the scope `identifiers`.")
            )
        found = found.filter(_condition(user, keyword, value))
    return found.filter(_in_days(query.study_days))


def page_of_studies(found: QuerySet[Radiograph], query: QidoQuery) -> list[Group]:
    """Return the studies of matching radiographs, the newest first."""
    return _page(found, "study_uid", query)


def page_of_series(found: QuerySet[Radiograph], query: QidoQuery) -> list[Group]:
    """Return the series of matching radiographs, the newest first."""
    return _page(found, "series_uid", query)


def page_of_instances(found: QuerySet[Radiograph], query: QidoQuery) -> list[Radiograph]:
    """Return matching radiographs, the newest first."""
    return list(found.order_by("-case__opened_at", "pk")[query.offset : query.offset + query.limit])


def patients_of(radiographs: Sequence[Radiograph]) -> Mapping[patients.PatientKey, Patient]:
    """Return the patients of radiographs by site and reference."""
    return patients.patients_by_key((each.case.site_id, each.case.patient_ref) for each in radiographs)


def _page(found: QuerySet[Radiograph], column: str, query: QidoQuery) -> list[Group]:
    keyed = found.annotate(key=_key(column))
    newest = keyed.order_by().values("key").annotate(newest=Max("case__opened_at"))
    rows = newest.order_by("-newest", "key")[query.offset : query.offset + query.limit]
    keys = [row["key"] for row in rows]
    members: dict[str, list[Radiograph]] = {key: [] for key in keys}
    for radiograph in keyed.filter(key__in=keys).order_by("-case__opened_at", "pk"):
        members[radiograph.key].append(radiograph)  # annotated
    return [_group(members[key]) for key in keys if members[key]]


def _key(column: str) -> Choice:
    """Return the UID of a study or series; the id of the case where its file has none."""
    own = Cast(F("case_id"), CharField())
    return Choice(When(**{column: ""}, then=own), default=F(column), output_field=CharField())


def _group(members: Sequence[Radiograph]) -> Group:
    series = {each.series_uid or str(each.case_id) for each in members}
    modalities = sorted({each.modality or "OT" for each in members})
    return Group(members[0], len(series), len(members), tuple(modalities))


def _condition(user: User, keyword: str, value: str) -> Q:
    if keyword == "PatientName":
        return _of_name(user, value)
    column = COLUMNS[keyword]
    if column == "modality" and value == "OT":
        return Q(modality__in=["OT", ""])
    return _matches(column, value)


def _of_name(user: User, value: str) -> Q:
    """Return the condition of a name as DICOM writes it, MEIER^Anna; its case does not matter."""
    text = value.replace("^", ", ", 1).strip(", ")
    known = Patient.objects.filter(site__in=user.sites.all()).filter(_matches("name", text, ignore_case=True))
    condition = Q(pk=None)
    for site, reference in known.values_list("site", "reference")[:1000]:
        condition |= Q(site=site, case__patient_ref=reference)
    return condition


def _matches(column: str, value: str, *, ignore_case: bool = False) -> Q:
    """Return the condition of a value with the wildcards of PS3.4 C.2.2.2.4."""
    if not has_wildcard(value):
        return Q(**{f"{column}__iexact" if ignore_case else column: value})
    return Q(**{f"{column}__{'iregex' if ignore_case else 'regex'}": _regex(value)})


def _regex(value: str) -> str:
    wild = {"*": ".*", "?": "."}
    parts = (wild.get(sign) or (sign if sign.isalnum() else f"\\{sign}") for sign in value)
    return f"^{''.join(parts)}$"


def _in_days(days: tuple[date | None, date | None] | None) -> Q:
    if days is None:
        return Q()
    first, last = days
    condition = Q(study_at__isnull=False)
    if first:
        condition &= Q(study_at__gte=_start(first))
    if last:
        condition &= Q(study_at__lt=_start(last + timedelta(days=1)))
    return condition


def _start(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))
