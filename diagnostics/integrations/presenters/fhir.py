"""FHIR R4 resources of a final case: DiagnosticReport, its Observations, and ImagingStudy.

The patient is contained in each resource under a pseudonym of its site; the hospital's identifiers are added
for a token that may see them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.utils.crypto import salted_hmac

from diagnostics.cases.models import Case, Prediction
from diagnostics.findings import Finding
from diagnostics.review.models import Reading

Resource = dict[str, Any]
RESEARCH_USE: Final = "Research use only. Not for diagnosis."
LOINC: Final = "http://loinc.org"
DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
FINDINGS: Final = "urn:readroom:finding"
PSEUDONYMS: Final = "urn:readroom:patient-pseudonym"
UNITY: Final = {"system": "http://unitsofmeasure.org", "code": "1", "unit": "1"}
GENDERS: Final = {"F": "female", "M": "male", "O": "other"}


@dataclass(frozen=True)
class FinalCase:
    """What the resources of a case are made of."""

    case: Case
    updated: datetime
    studied_at: datetime
    finding: str
    readings: list[Reading]  # current ones
    prediction: Prediction | None
    with_identifiers: bool


def resources_of(kind: str, final: FinalCase) -> list[Resource]:
    """Return the resources of one kind of a case."""
    return [_with_meta(build(final), final) for build in BUILDERS[kind] if _exists(build, final)]


def _exists(build: Callable[[FinalCase], Resource], final: FinalCase) -> bool:
    return build is not ai_result or final.prediction is not None


def report(final: FinalCase) -> Resource:
    """Return the DiagnosticReport of a case."""
    is_amended = any(reading.supersedes_id for reading in final.readings)
    results = [f"Observation/{final.case.pk}-finding"]
    results += [f"Observation/{final.case.pk}-ai"] if final.prediction else []
    return _common("DiagnosticReport", str(final.case.pk), final) | {
        "identifier": [_case_identifier(final.case), *_accession(final)],
        "status": "amended" if is_amended else "final",
        "category": [_concept("http://terminology.hl7.org/CodeSystem/v2-0074", "RAD", "Radiology")],
        "code": _concept(LOINC, "30745-4", "XR Chest Views"),
        "effectiveDateTime": _time(final.studied_at),
        "issued": _time(final.updated),
        "resultsInterpreter": [
            {"display": name} for name in sorted({reading.by.username for reading in final.readings})
        ],
        "result": [{"reference": reference} for reference in results],
        "imagingStudy": [{"reference": f"ImagingStudy/{final.case.pk}"}],
        "conclusion": f"{_label(final.finding)}. {RESEARCH_USE}",
        "conclusionCode": [_concept(FINDINGS, final.finding, _label(final.finding))],
    }


def final_finding(final: FinalCase) -> Resource:
    """Return the Observation of the final finding, which radiologists have signed."""
    return _observation("finding", "Final finding of the readings", final) | {
        "issued": _time(final.updated),
        "valueCodeableConcept": _concept(FINDINGS, final.finding, _label(final.finding)),
    }


def ai_result(final: FinalCase) -> Resource:
    """Return the Observation of the AI result: the probability of each class, and its threshold."""
    prediction = final.prediction
    assert prediction is not None
    version = prediction.version
    assert version is not None
    assert prediction.finished_at is not None
    return _observation("ai", "AI result", final) | {
        "issued": _time(prediction.finished_at),
        "device": {"display": f"Readroom, model version {version.number}"},
        "component": [
            _component(name, probability, prediction.operating_points.get(name))
            for name, probability in prediction.probabilities.items()
        ],
    }


def imaging_study(final: FinalCase) -> Resource:
    """Return the ImagingStudy of a case, with its one radiograph."""
    radiograph = final.case.radiograph
    uids = (radiograph.study_uid, radiograph.series_uid) if final.with_identifiers else ("", "")
    study, series = (
        uid or _derived_uid(final.case, part) for part, uid in zip(("study", "series"), uids, strict=True)
    )
    modality = {"system": DICOM, "code": radiograph.modality or "OT"}
    return _common("ImagingStudy", str(final.case.pk), final) | {
        "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{study}"}, *_accession(final)],
        "status": "available",
        "started": _time(final.studied_at),
        "modality": [modality],
        "numberOfSeries": 1,
        "numberOfInstances": 1,
        "description": "Chest radiograph",
        "series": [{"uid": series, "modality": modality, "numberOfInstances": 1}],
        "note": [{"text": RESEARCH_USE}],
    }


BUILDERS: Final[dict[str, tuple[Callable[[FinalCase], Resource], ...]]] = {
    "DiagnosticReport": (report,),
    "Observation": (final_finding, ai_result),
    "ImagingStudy": (imaging_study,),
}


def bundle(entries: list[tuple[str, Resource]], *, links: dict[str, str]) -> Resource:
    """Return a page of a search: each resource with its full URL."""
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": relation, "url": url} for relation, url in links.items()],
        "entry": [
            {"fullUrl": url, "resource": resource, "search": {"mode": "match"}} for url, resource in entries
        ],
    }


def outcome(code: str, text: str) -> Resource:
    """Return the OperationOutcome of an error."""
    issue = {"severity": "error", "code": code, "diagnostics": text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _common(kind: str, pk: str, final: FinalCase) -> Resource:
    return {
        "resourceType": kind,
        "id": pk,
        "contained": [_patient(final)],
        "subject": {"reference": "#patient"},
    }


def _observation(part: str, name: str, final: FinalCase) -> Resource:
    return _common("Observation", f"{final.case.pk}-{part}", final) | {
        "status": "final",
        "code": {"text": name},
        "effectiveDateTime": _time(final.studied_at),
        "derivedFrom": [{"reference": f"ImagingStudy/{final.case.pk}"}],
        "note": [{"text": RESEARCH_USE}],
    }


def _component(name: str, probability: float, threshold: float | None) -> Resource:
    measured = {
        "code": _concept(FINDINGS, name, _label(name)),
        "valueQuantity": {"value": round(probability, 4)} | UNITY,
    }
    if threshold is None:
        return measured
    text = "Probabilities below the threshold of the model version are not flagged."
    return measured | {"referenceRange": [{"high": {"value": round(threshold, 4)} | UNITY, "text": text}]}


def _patient(final: FinalCase) -> Resource:
    case, sex = final.case, final.case.radiograph.sex
    pseudonym = salted_hmac(
        "diagnostics.integrations.fhir", f"{case.site_id}\n{case.patient_ref}", algorithm="sha256"
    ).hexdigest()[:32]
    identifiers = [{"system": PSEUDONYMS, "value": pseudonym}]
    if final.with_identifiers:
        identifiers.append({"value": case.patient_ref})
    gender = {"gender": GENDERS[sex]} if sex in GENDERS else {}
    return {"resourceType": "Patient", "id": "patient", "identifier": identifiers} | gender


def _case_identifier(case: Case) -> Resource:
    return {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{case.pk}"}


def _accession(final: FinalCase) -> list[Resource]:
    if not final.with_identifiers or not final.case.accession_number:
        return []
    kind = _concept("http://terminology.hl7.org/CodeSystem/v2-0203", "ACSN", "Accession ID")
    return [{"type": kind, "value": final.case.accession_number}]


def _with_meta(resource: Resource, final: FinalCase) -> Resource:
    version = hashlib.sha256(json.dumps(resource, sort_keys=True).encode()).hexdigest()[:16]
    return resource | {"meta": {"versionId": version, "lastUpdated": _time(final.updated)}}


def _derived_uid(case: Case, part: str) -> str:
    """Return a UID of the form 2.25 that follows from the id of the case (ISO/IEC 9834-8)."""
    digest = hashlib.sha256(f"{case.pk}{part}".encode()).digest()[:16]
    return f"2.25.{UUID(bytes=digest, version=4).int}"


def _concept(system: str, code: str, text: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": text}], "text": text}


def _label(finding: str) -> str:
    return str(Finding(finding).label) if finding in Finding.values else finding


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
