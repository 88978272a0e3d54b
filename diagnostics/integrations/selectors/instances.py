"""The radiographs that DICOMweb shows a user, found by the attributes of a QIDO query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Final
from uuid import UUID

from django.db.models import Case as Choice
from django.db.models import CharField, F, Max, Q, QuerySet, When
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.cases import selectors as cases
from diagnostics.cases.models import Radiograph
from diagnostics.cases.selectors import lists
from diagnostics.integrations.errors.dicomweb import IdentifiersRequired
from diagnostics.integrations.instance_uids import in_series, in_studies, of_instances, uids_of
from diagnostics.integrations.qido_query import PATIENT, QidoQuery, has_wildcard
from diagnostics.patients import selectors as patients
from diagnostics.patients.models import Patient

CONDITIONS: Final = {
    "StudyInstanceUID": in_studies,
    "SeriesInstanceUID": in_series,
    "SOPInstanceUID": of_instances,
}
CASES_AT_ONCE: Final = 200  # of the list that is read newest first
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


def page_of_studies(user: User, query: QidoQuery, *, identifiers: bool) -> list[Group]:
    """Return the studies of matching radiographs, the newest first; raises IdentifiersRequired."""
    return _page(user, query, "study_uid", identifiers=identifiers)


def page_of_series(user: User, query: QidoQuery, *, identifiers: bool) -> list[Group]:
    """Return the series of matching radiographs, the newest first; raises IdentifiersRequired."""
    return _page(user, query, "series_uid", identifiers=identifiers)


def page_of_instances(user: User, query: QidoQuery, *, identifiers: bool) -> list[Radiograph]:
    """Return matching radiographs, the newest first; raises IdentifiersRequired."""
    end = query.offset + query.limit
    if not query.has_conditions:
        return list(islice(_newest_first(user), query.offset, end))
    found = _matching(user, query, identifiers=identifiers)
    return list(found.order_by("-case__opened_at", "pk")[query.offset : end])


def patients_of(radiographs: Sequence[Radiograph]) -> Mapping[patients.PatientKey, Patient]:
    """Return the patients of radiographs by site and reference."""
    return patients.patients_by_key((each.case.site_id, each.case.patient_ref) for each in radiographs)


def _visible_to(user: User) -> QuerySet[Radiograph]:
    """Return the radiographs of the cases that the user may see, but withdrawn ones."""
    found = cases.of_visible_cases(Radiograph.objects.filter(case__withdrawn_at=None), user)
    return found.select_related("case", "case__site")


def _newest_first(user: User) -> Iterator[Radiograph]:
    """Yield all visible radiographs along the list of cases, which an index has in this order."""
    listed = lists.case_list(user)
    page = listed.page(CASES_AT_ONCE)
    while page and page.keys:
        of_case = {each.case_id: each for each in _visible_to(user).filter(case__in=page.keys)}
        yield from (of_case[key] for key in page.keys if key in of_case)
        page = listed.page(CASES_AT_ONCE, after=page.next) if page.next else None


def _matching(user: User, query: QidoQuery, *, identifiers: bool) -> QuerySet[Radiograph]:
    """Return the visible radiographs that match a query; raises IdentifiersRequired.

    Each condition names the site of its own index.
    """
    found, sites = _visible_to(user), cases.site_ids(user)
    for keyword, uids in query.uids.items():
        found = found.filter(pk__in=_with_uids(sites, CONDITIONS[keyword](uids)))
    for keyword, value in query.matches.items():
        if keyword in PATIENT and has_wildcard(value) and not identifiers:
            raise IdentifiersRequired(
                _("Searching for a part of a name or reference needs a token with the scope `identifiers`.")
            )
        found = found.filter(_condition(user, keyword, value))
        if COLUMNS.get(keyword, "").startswith("case__"):
            found = found.filter(case__site__in=sites)
    if query.study_days is not None:
        found = found.filter(_in_days(query.study_days), site__in=sites)
    return found


def _with_uids(sites: list[UUID], conditions: tuple[Q, Q]) -> list[UUID]:
    """Return the ids of the radiographs with UIDs of their own at these sites, or named by their row ids."""
    own, made = conditions
    rows = Radiograph.objects.order_by()  # two queries: no index has both
    return [pk for each in (rows.filter(own, site__in=sites), rows.filter(made)) for pk in _keys(each)]


def _keys(rows: QuerySet[Radiograph]) -> QuerySet[Radiograph, UUID]:
    return rows.values_list("pk", flat=True)


def _page(user: User, query: QidoQuery, column: str, *, identifiers: bool) -> list[Group]:
    end = query.offset + query.limit
    if query.has_conditions:
        matching = _matching(user, query, identifiers=identifiers).annotate(key=_key(column))
        newest = matching.order_by().values("key").annotate(newest=Max("case__opened_at"))
        keys = [row["key"] for row in newest.order_by("-newest", "key")[query.offset : end]]
        of_keys = matching.filter(key__in=keys).order_by()
        return _groups(keys, ((each.key, each) for each in of_keys))
    firsts = list(islice(_firsts(_newest_first(user), column), query.offset, end))
    studies = _with_uids(cases.site_ids(user), in_studies({uids_of(each).study for each in firsts}))
    found = _visible_to(user).filter(pk__in=studies)
    return _groups([_uid(each, column) for each in firsts], ((_uid(each, column), each) for each in found))


def _firsts(radiographs: Iterable[Radiograph], column: str) -> Iterator[Radiograph]:
    """Yield the first radiograph of each study or series."""
    seen = set()
    for radiograph in radiographs:
        if (uid := _uid(radiograph, column)) not in seen:
            seen.add(uid)
            yield radiograph


def _uid(radiograph: Radiograph, column: str) -> str:
    uids = uids_of(radiograph)
    return uids.study if column == "study_uid" else uids.series


def _groups(keys: Sequence[str], radiographs: Iterable[tuple[str, Radiograph]]) -> list[Group]:
    members: dict[str, list[Radiograph]] = {key: [] for key in keys}
    for key, radiograph in radiographs:
        if key in members:
            members[key].append(radiograph)
    return [_group(_newest(of_key)) for of_key in members.values() if of_key]


def _newest(radiographs: Iterable[Radiograph]) -> list[Radiograph]:
    # Not in the query: to sort its few rows, SQLite would read all cases in that order.
    by_id = sorted(radiographs, key=lambda radiograph: radiograph.pk)
    return sorted(by_id, key=lambda radiograph: radiograph.case.opened_at, reverse=True)


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


def _in_days(days: tuple[date | None, date | None]) -> Q:
    first, last = days
    condition = Q(study_at__isnull=False)
    if first:
        condition &= Q(study_at__gte=_start(first))
    if last:
        condition &= Q(study_at__lt=_start(last + timedelta(days=1)))
    return condition


def _start(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))
