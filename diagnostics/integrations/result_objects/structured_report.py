"""The Comprehensive SR of a result after TID 1500: one group of measurements for each class."""

from __future__ import annotations

from typing import Final

from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    ImageContentItem,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TrackingIdentifier,
)
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import SecondaryCaptureImageStorage, generate_uid

from diagnostics.integrations.result_objects import secondary_capture
from diagnostics.integrations.result_objects.common import (
    MANUFACTURER,
    set_equipment,
    set_subject,
    set_times,
    with_file_meta,
)
from diagnostics.integrations.result_objects.values import ClassScore, Result, SourceImage

KIND: Final = "sr"
SERIES_NUMBER: Final = 9002
SCHEME: Final = "99READROOM"  # codes for which DICOM and SNOMED CT have none; docs/dicom.md lists them
PROBABILITY: Final = CodedConcept("RR001", SCHEME, "Calibrated probability")
OPERATING_POINT: Final = CodedConcept("RR002", SCHEME, "Operating point")
AI_RESULT: Final = CodedConcept("RR003", SCHEME, "AI result")
INTENDED_USE: Final = CodedConcept("RR004", SCHEME, "Intended use")
RESEARCH_USE: Final = CodedConcept("RR005", SCHEME, "Research use only")
HEATMAP: Final = CodedConcept("RR006", SCHEME, "Heatmap of the AI result")
OUT_OF_DISTRIBUTION: Final = CodedConcept("RR007", SCHEME, "Out of distribution")
INDETERMINATE: Final = CodedConcept("82334004", "SCT", "Indeterminate")
FINDINGS: Final = {
    "covid-19": CodedConcept("840539006", "SCT", "COVID-19"),
    "pneumonia": CodedConcept("233604007", "SCT", "Pneumonia"),
    "normal": CodedConcept("17621005", "SCT", "Normal"),
    "other": CodedConcept("RR008", SCHEME, "Other abnormality"),
}
OUTCOMES: Final = {"indeterminate": INDETERMINATE, "out-of-distribution": OUT_OF_DISTRIBUTION}
CHEST_RADIOGRAPHY: Final = CodedConcept("399208008", "SCT", "Plain chest X-ray")
RATIO: Final = codes.UCUM.NoUnits


def structured_report(result: Result) -> Dataset:
    """Return the report of a result as a DICOM object."""
    evidence = [_evidence(result, result.source), _evidence(result, _heatmap(result))]
    content = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=_observer(result)),
        procedure_reported=CHEST_RADIOGRAPHY,
        imaging_measurements=[_conclusion(result), *(_group(result, score) for score in result.scores)],
        title=codes.DCM.ImagingMeasurementReport,
    )
    content[0].ContentSequence.append(_heatmap_reference(result))
    report = ComprehensiveSR(
        evidence=evidence,
        content=content[0],
        series_instance_uid=result.series_uids[KIND],
        series_number=SERIES_NUMBER,
        sop_instance_uid=result.instance_uids[KIND],
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_final=False,
        is_verified=False,
        series_description="AI result. Research use only",
    )
    set_subject(report, result.subject)
    set_equipment(report, result)
    set_times(report, result.created_at)
    for equipment in report.get("ContributingEquipmentSequence", []):
        equipment.pop("ContributionDateTime", None)  # of this moment
    return with_file_meta(report)


def _observer(result: Result) -> ObserverContext:
    identity = DeviceObserverIdentifyingAttributes(
        uid=result.series_uids[KIND],
        name=MANUFACTURER,
        manufacturer_name=MANUFACTURER,
        model_name=result.version,
    )
    return ObserverContext(observer_type=codes.DCM.Device, observer_identifying_attributes=identity)


def _algorithm(result: Result) -> AlgorithmIdentification:
    return AlgorithmIdentification(
        name=MANUFACTURER, version=result.version, family=codes.DCM.ArtificialIntelligence
    )


def _conclusion(result: Result) -> MeasurementsAndQualitativeEvaluations:
    """Return the group that states the result as a whole and the intended use."""
    outcome = OUTCOMES.get(result.outcome) or FINDINGS.get(result.finding, INDETERMINATE)
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(result, f"AI result of {result.version}"),
        algorithm_id=_algorithm(result),
        qualitative_evaluations=[
            QualitativeEvaluation(AI_RESULT, outcome),
            QualitativeEvaluation(INTENDED_USE, RESEARCH_USE),
        ],
        source_images=[_source(result.source)],
    )


def _group(result: Result, score: ClassScore) -> MeasurementsAndQualitativeEvaluations:
    """Return the group of one class: its probability and its operating point."""
    values = [(PROBABILITY, score.probability), (OPERATING_POINT, score.operating_point)]
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(result, f"{score.label}, {result.version}"),
        finding_type=FINDINGS.get(score.name, INDETERMINATE),
        algorithm_id=_algorithm(result),
        measurements=[
            Measurement(name=name, value=round(value, 4), unit=RATIO)
            for name, value in values
            if value is not None
        ],
        source_images=[_source(result.source)],
    )


def _tracking(result: Result, name: str) -> TrackingIdentifier:
    """Return an identifier that is the same in every copy of the report."""
    uid = generate_uid(entropy_srcs=[result.instance_uids[KIND], name])
    return TrackingIdentifier(uid=uid, identifier=name)


def _source(image: SourceImage) -> SourceImageForMeasurementGroup:
    return SourceImageForMeasurementGroup(image.sop_class_uid, image.sop_instance_uid)


def _heatmap(result: Result) -> SourceImage:
    kind = secondary_capture.KIND
    return SourceImage(
        sop_class_uid=SecondaryCaptureImageStorage,
        sop_instance_uid=result.instance_uids[kind],
        series_uid=result.series_uids[kind],
        rows=result.source.rows,
        columns=result.source.columns,
        modality=result.source.modality,
    )


def _heatmap_reference(result: Result) -> ImageContentItem:
    return ImageContentItem(
        HEATMAP,
        SecondaryCaptureImageStorage,
        result.instance_uids[secondary_capture.KIND],
        relationship_type=RelationshipTypeValues.CONTAINS,
    )


def _evidence(result: Result, image: SourceImage) -> Dataset:
    """Return what highdicom reads of an image that the report refers to."""
    dataset = Dataset()
    set_subject(dataset, result.subject)
    dataset.SOPClassUID, dataset.SOPInstanceUID = image.sop_class_uid, image.sop_instance_uid
    dataset.SeriesInstanceUID, dataset.Modality = image.series_uid, image.modality or "OT"
    dataset.Rows, dataset.Columns = image.rows, image.columns
    return dataset
