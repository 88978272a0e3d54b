"""The results of QIDO-RS (PS3.18, 10.6.3) as DICOM JSON, from rows alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pydicom

from diagnostics.cases.models import Radiograph
from diagnostics.integrations.dicom_attributes import INSTANCE, SERIES, STUDY, attributes_of
from diagnostics.integrations.selectors.instances import Group
from diagnostics.patients.models import Patient
from diagnostics.patients.selectors import PatientKey

Url = Callable[[Radiograph], str]
Patients = Mapping[PatientKey, Patient]


def studies(
    groups: Sequence[Group], patients: Patients, *, identifiers: bool, url: Url
) -> list[dict[str, Any]]:
    """Return one data set for each study."""
    return [_study(each, patients, identifiers, url).to_json_dict() for each in groups]


def series(
    groups: Sequence[Group], patients: Patients, *, identifiers: bool, url: Url
) -> list[dict[str, Any]]:
    """Return one data set for each series."""
    found = []
    for group in groups:
        dataset = _attributes(group.first, patients, identifiers, (*STUDY, *SERIES))
        dataset.NumberOfSeriesRelatedInstances = group.instances
        dataset.RetrieveURL = url(group.first)
        found.append(dataset.to_json_dict())
    return found


def instances(
    radiographs: Sequence[Radiograph],
    patients: Patients,
    *,
    identifiers: bool,
    url: Url,
) -> list[dict[str, Any]]:
    """Return one data set for each instance."""
    found = []
    for radiograph in radiographs:
        dataset = _attributes(radiograph, patients, identifiers, (*STUDY, *SERIES, *INSTANCE))
        dataset.RetrieveURL = url(radiograph)
        found.append(dataset.to_json_dict())
    return found


def _study(group: Group, patients: Patients, identifiers: bool, url: Url) -> pydicom.Dataset:
    dataset = _attributes(group.first, patients, identifiers, STUDY)
    dataset.ModalitiesInStudy = list(group.modalities)
    dataset.NumberOfStudyRelatedSeries = group.series
    dataset.NumberOfStudyRelatedInstances = group.instances
    dataset.InstanceAvailability = "ONLINE"
    dataset.RetrieveURL = url(group.first)
    return dataset


def _attributes(
    radiograph: Radiograph,
    patients: Patients,
    identifiers: bool,
    keywords: Sequence[str],
) -> pydicom.Dataset:
    patient = patients.get((radiograph.case.site_id, radiograph.case.patient_ref))
    everything = attributes_of(radiograph, patient, identifiers=identifiers)
    dataset = pydicom.Dataset()
    for element in everything:
        if element.keyword in keywords:
            dataset.add(element)
    return dataset
