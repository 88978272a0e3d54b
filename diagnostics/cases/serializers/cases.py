"""Input and output of the cases API."""

from __future__ import annotations

from typing import Any, Final

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from diagnostics.accounts.serializers import ErrorSerializer as ErrorSerializer
from diagnostics.cases import selectors
from diagnostics.cases.models import (
    Case,
    PcrOutcome,
    Prediction,
    PredictionOutcome,
    Priority,
    QualityCode,
    View,
)
from diagnostics.cases.presenters import quality, uncertainty
from diagnostics.cases.presenters.prediction import headline_of
from diagnostics.cases.selectors import lists
from diagnostics.cases.services.pcr import latest_pcr_result
from diagnostics.findings import Finding
from diagnostics.jobs.models import JobStatus
from diagnostics.patients.presenters import masked_reference

RESEARCH_USE: Final = "Research use only. Not for diagnosis."


class CaseListQuerySerializer(serializers.Serializer[Any]):
    """Filter and order of the list."""

    status = serializers.ChoiceField(choices=JobStatus.choices, default="", allow_blank=True)
    ordering = serializers.ChoiceField(
        choices=list(lists.ORDERINGS), default=lists.NEWEST_FIRST, allow_blank=True
    )


class FailureSerializer(serializers.Serializer[Prediction]):
    """Why the prediction failed, and what to do."""

    code = serializers.CharField(source="failure_code")
    text = serializers.CharField(source="failure_text")


class MeasureSerializer(serializers.Serializer[Any]):
    """One out-of-distribution measure; above its limit the radiograph is unlike the training data."""

    value = serializers.FloatField()
    limit = serializers.FloatField()


class OutOfDistributionSerializer(serializers.Serializer[Any]):
    """Distance of the radiograph from the training data of the version."""

    knn = MeasureSerializer(
        help_text="Distance to the tenth nearest training radiograph in feature space, 0 to 2"
    )
    mahalanobis = MeasureSerializer(help_text="Distance to the nearest class, in standard deviations")
    energy = MeasureSerializer(help_text="-logsumexp of the logits")


class NotScoredSerializer(serializers.Serializer[Any]):
    """Why a radiograph has no AI result, and what to do."""

    code = serializers.ChoiceField(choices=QualityCode.choices)
    heading = serializers.CharField()
    text = serializers.CharField()


class OverrideSerializer(serializers.Serializer[Prediction]):
    """Why a radiograph was scored in spite of the quality gate."""

    code = serializers.ChoiceField(source="quality_code", choices=QualityCode.choices)
    reason = serializers.CharField(source="override_reason")
    at = serializers.DateTimeField(source="override_at")


class PredictionSerializer(serializers.Serializer[Prediction]):
    """The prediction of one model version for the radiograph."""

    outcome = serializers.SerializerMethodField(
        help_text="Outcome by the thresholds of the version; null where the version has none"
    )
    headline = serializers.SerializerMethodField(
        help_text="The outcome as on the pages, in the user's language; it names COVID-19 at or above its "
        "operating point, also where another class is more probable"
    )
    finding = serializers.ChoiceField(
        choices=Finding.choices, help_text="The class with the highest probability"
    )
    candidates = serializers.ListField(
        child=serializers.CharField(),
        help_text="Classes that cannot be excluded, the most probable first; empty where not measured, "
        "and where no class fits an out-of-distribution radiograph",
    )
    out_of_distribution = serializers.SerializerMethodField(help_text="Null: not measured")
    abstains_below = serializers.FloatField(
        source="abstention",
        allow_null=True,
        help_text="Lowest probability from which the version reached an accuracy of 95%",
    )
    quality_flags = serializers.ListField(
        child=serializers.ChoiceField(choices=list(uncertainty.QUALITY_TEXTS.items())),
        help_text="Why the image may not be a plain chest radiograph",
    )
    probabilities = serializers.DictField(
        child=serializers.FloatField(), help_text="Calibrated probability by class; the sum is 1"
    )
    operating_point = serializers.DictField(
        source="operating_points",
        child=serializers.FloatField(),
        help_text="Threshold by class: a probability at or above it is flagged",
    )
    version = serializers.CharField()
    gate_overridden = serializers.SerializerMethodField(
        help_text="True: the version was promoted in spite of the promotion gate"
    )
    override = serializers.SerializerMethodField(
        help_text="Why it was scored although the quality gate stopped it; null where it did not"
    )
    heatmap_url = serializers.SerializerMethodField(
        help_text="PNG of the radiograph with the Grad-CAM heatmap of the finding"
    )
    research_use = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ChoiceField(choices=PredictionOutcome.choices, allow_null=True))
    def get_outcome(self, prediction: Prediction) -> str | None:
        return prediction.outcome or None

    def get_headline(self, prediction: Prediction) -> str:
        return headline_of(prediction)

    @extend_schema_field(OutOfDistributionSerializer(allow_null=True))
    def get_out_of_distribution(self, prediction: Prediction) -> dict[str, Any] | None:
        measures = prediction.out_of_distribution
        return OutOfDistributionSerializer(measures).data if measures else None

    @extend_schema_field(OverrideSerializer(allow_null=True))
    def get_override(self, prediction: Prediction) -> dict[str, Any] | None:
        return OverrideSerializer(prediction).data if quality.override_of(prediction) else None

    def get_gate_overridden(self, prediction: Prediction) -> bool:
        return bool(prediction.version and prediction.version.overridden_at)

    def get_heatmap_url(self, prediction: Prediction) -> str:
        url = reverse("cases:overlay", args=[prediction.case_id])
        return str(self.context["request"].build_absolute_uri(url))

    def get_research_use(self, prediction: Prediction) -> str:
        return RESEARCH_USE


class CaseSummarySerializer(serializers.Serializer[Case]):
    """The id, URL and prediction status of a case."""

    id = serializers.UUIDField()
    status = serializers.SerializerMethodField(
        help_text="Status of the newest prediction; null for an imported case without one"
    )
    url = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ChoiceField(choices=JobStatus.choices, allow_null=True))
    def get_status(self, case: Case) -> str | None:
        latest = selectors.latest_prediction(case)
        return latest.status if latest else None

    def get_url(self, case: Case) -> str:
        return str(self.context["request"].build_absolute_uri(reverse("api-case", args=[case.pk])))


class CreatedCaseSerializer(CaseSummarySerializer):
    """The case of an upload."""

    existing = serializers.SerializerMethodField(
        help_text="True: the radiograph already had this case, nothing was stored"
    )

    def get_existing(self, case: Case) -> bool:
        return bool(self.context["existing"])


class CaseSerializer(CaseSummarySerializer):
    """A case with its newest prediction."""

    patient_ref = serializers.SerializerMethodField(
        help_text="Masked in lists: `****`, the last characters and a tag of the patient, or the tag alone"
    )
    accession_number = serializers.CharField()
    priority = serializers.ChoiceField(choices=Priority.choices)
    view = serializers.ChoiceField(choices=View.choices, source="radiograph.view")
    opened_at = serializers.DateTimeField()
    withdrawn_at = serializers.DateTimeField(
        allow_null=True, help_text="When the case was withdrawn as opened in error; null for all others"
    )
    failure = serializers.SerializerMethodField()
    not_scored = serializers.SerializerMethodField(
        help_text="Why the quality gate stopped the AI result; there is then no prediction. Null otherwise"
    )
    withheld = serializers.SerializerMethodField(
        help_text="True: blinding or the site's rule hides the prediction until the radiograph has been read"
    )
    rt_pcr = serializers.SerializerMethodField(
        help_text="Newest result; null without one, and for a reader who may still read the radiograph blind"
    )
    prediction = serializers.SerializerMethodField()

    def get_patient_ref(self, case: Case) -> str:
        return (
            case.patient_ref if self.context["identifiers"] else masked_reference(case.site, case.patient_ref)
        )

    @extend_schema_field(serializers.ChoiceField(choices=PcrOutcome.choices, allow_null=True))
    def get_rt_pcr(self, case: Case) -> str | None:
        newest = None if case.pk in self.context["pcr_withheld"] else latest_pcr_result(case)
        return newest.result if newest else None

    @extend_schema_field(FailureSerializer(allow_null=True))
    def get_failure(self, case: Case) -> dict[str, Any] | None:
        latest = selectors.latest_prediction(case)
        failed = latest is not None and latest.status == JobStatus.FAILED
        return FailureSerializer(latest).data if failed else None

    @extend_schema_field(NotScoredSerializer(allow_null=True))
    def get_not_scored(self, case: Case) -> dict[str, Any] | None:
        stopped = quality.stopped_of(selectors.stopped_prediction(case))
        return NotScoredSerializer(stopped).data if stopped else None

    def get_withheld(self, case: Case) -> bool:
        return case.pk in self.context["withheld"]

    @extend_schema_field(PredictionSerializer(allow_null=True))
    def get_prediction(self, case: Case) -> dict[str, Any] | None:
        done = None if self.get_withheld(case) else selectors.latest_done_prediction(case)
        return PredictionSerializer(done, context=self.context).data if done else None
