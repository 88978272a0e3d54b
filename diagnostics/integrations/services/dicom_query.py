"""Search of a DICOM node for studies, and retrieval of the chosen ones with the patient's earlier studies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from pydicom import Dataset

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.models import Radiograph
from diagnostics.errors import NotAllowed
from diagnostics.integrations.errors.dicom import ListenerOff
from diagnostics.integrations.models import DicomNode, StudyRetrieval
from diagnostics.integrations.services.dicom_requeue import enqueue_retrieval_on_commit

MAX_STUDIES: Final = 200  # of one search
MODALITIES: Final = ("CR", "DX")
RETURNED: Final = (
    *("StudyInstanceUID", "PatientID", "PatientName", "PatientBirthDate", "StudyDate", "StudyDescription"),
    *("AccessionNumber", "ModalitiesInStudy", "NumberOfStudyRelatedInstances"),
)
WILDCARDS: Final = str.maketrans("", "", "*?\\")


@dataclass(frozen=True, repr=False)
class Criteria:
    """What a study must match; an empty value matches any."""

    patient_id: str = ""
    patient_name: str = ""  # its beginning
    accession_number: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, repr=False)
class FoundStudy:
    """One study of a node."""

    study_uid: str
    patient_id: str
    patient_name: str
    birth_date: str
    study_date: str
    description: str
    accession_number: str
    modalities: str
    instances: str
    is_stored: bool  # the site has a case of this study


def find_studies(*, node: DicomNode, criteria: Criteria, by: User, now: datetime) -> list[FoundStudy]:
    """Return the plain radiographs of a node that match, the newest first, and audit the search.

    Raises NotAllowed, NodeError.
    """
    _require_permission(by, node)
    studies = [study for study in _find(node, _query(criteria)) if _is_radiography(study)]
    audit.record(action=Action.NODE_QUERIED, by=by, target=node, detail={"studies": len(studies)}, now=now)
    uids = [_text(study, "StudyInstanceUID") for study in studies]
    stored = set(
        Radiograph.objects.filter(site=node.site_id, study_uid__in=uids).values_list("study_uid", flat=True)
    )
    found = [_found(study, stored) for study in studies if _text(study, "StudyInstanceUID")]
    return sorted(found, key=lambda each: each.study_date, reverse=True)


def request_retrieval(
    *, node: DicomNode, study_uids: Iterable[str], with_priors: bool, by: User, now: datetime
) -> int:
    """Queue the retrieval of studies, and of all earlier ones of their patients; return the number queued.

    Raises NotAllowed, ListenerOff, NodeError.
    """
    _require_permission(by, node)
    if not settings.DICOM.port:
        raise ListenerOff(
            _("The DICOM listener is off, so no study can be received. Set READROOM_DICOM_PORT.")
        )
    chosen = dict.fromkeys(study_uids)
    if with_priors:
        chosen |= dict.fromkeys(uid for study in list(chosen) for uid in _priors(node, study))
    return sum(_queue(node, uid, by, now) for uid in chosen)


@transaction.atomic
def _queue(node: DicomNode, study_uid: str, by: User, now: datetime) -> bool:
    try:
        with transaction.atomic():
            retrieval = StudyRetrieval.objects.create(
                node=node, study_uid=study_uid, requested_by=by, queued_at=now
            )
    except IntegrityError:  # it is queued already
        return False
    audit.record(action=Action.STUDY_RETRIEVED, by=by, target=node, detail={"study": study_uid}, now=now)
    enqueue_retrieval_on_commit(retrieval.pk)
    return True


def _priors(node: DicomNode, study_uid: str) -> list[str]:
    """Return the UIDs of all radiography studies of the patient of a study."""
    query = _query(Criteria())
    query.StudyInstanceUID = study_uid
    patients = {_text(study, "PatientID") for study in _find(node, query)} - {""}
    return [
        _text(study, "StudyInstanceUID")
        for patient in patients
        for study in _find(node, _query(Criteria(patient_id=patient)))
        if _is_radiography(study)
    ]


def _find(node: DicomNode, query: Dataset) -> list[Dataset]:
    from diagnostics.integrations.dicom_network import client  # takes half a second

    return client.find_studies(node, query, settings.DICOM, most=MAX_STUDIES)


def _query(criteria: Criteria) -> Dataset:
    query = Dataset()
    query.SpecificCharacterSet, query.QueryRetrieveLevel = "ISO_IR 192", "STUDY"
    for keyword in RETURNED:
        setattr(query, keyword, "")
    query.PatientID = criteria.patient_id.translate(WILDCARDS)
    query.AccessionNumber = criteria.accession_number.translate(WILDCARDS)
    name = criteria.patient_name.translate(WILDCARDS)
    query.PatientName = f"{name}*" if name else ""
    if criteria.since or criteria.until:
        query.StudyDate = f"{_day(criteria.since)}-{_day(criteria.until)}"
    return query


def _day(day: date | None) -> str:
    return f"{day:%Y%m%d}" if day else ""


def _is_radiography(study: Dataset) -> bool:
    """Return whether a study has plain radiographs, or does not say what it has."""
    modalities = _text(study, "ModalitiesInStudy").split(", ")
    return modalities == [""] or any(modality in MODALITIES for modality in modalities)


def _found(study: Dataset, stored: set[str]) -> FoundStudy:
    return FoundStudy(
        study_uid=_text(study, "StudyInstanceUID"),
        patient_id=_text(study, "PatientID"),
        patient_name=_text(study, "PatientName").replace("^", ", ", 1).replace("^", " "),
        birth_date=_text(study, "PatientBirthDate"),
        study_date=_text(study, "StudyDate"),
        description=_text(study, "StudyDescription"),
        accession_number=_text(study, "AccessionNumber"),
        modalities=_text(study, "ModalitiesInStudy"),
        instances=_text(study, "NumberOfStudyRelatedInstances"),
        is_stored=_text(study, "StudyInstanceUID") in stored,
    )


def _text(study: Dataset, keyword: str) -> str:
    """Return the values of an element as text; empty where it is missing."""
    value = study.get(keyword)
    if value is None:
        return ""
    values = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else list(value)
    return ", ".join(str(each) for each in values)[:200]


def _require_permission(by: User, node: DicomNode) -> None:
    require(by, Permission.MANAGE_INTEGRATIONS)
    if not by.sites.filter(pk=node.site_id).exists():
        raise NotAllowed(_("You do not work at this site."))
