"""The shape of cases in the API."""

from __future__ import annotations

from typing import Any, Final

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from diagnostics.cases import selectors
from diagnostics.cases.models import Case, PcrOutcome, Prediction, PredictionOutcome, Priority, View
from diagnostics.cases.presenters import uncertainty
from diagnostics.cases.services.pcr import latest_pcr_result
from diagnostics.findings import Finding
from diagnostics.jobs.models import JobStatus

RESEARCH_USE: Final = "Research use only. Not for diagnosis."


class UploadSerializer(serializers.Serializer[Any]):
    """A radiograph and what is known of it."""

    radiograph = serializers.FileField(
        allow_empty_file=True, help_text="PNG, JPEG or DICOM, one radiograph, at most 64 MB"
    )
    patient_ref = serializers.CharField(
        allow_blank=True, help_text="The site's own reference, at most 64 characters"
    )
    accession_number = serializers.CharField(default="", allow_blank=True, help_text="At most 64 characters")
    view = serializers.ChoiceField(
        choices=View.choices, default="", help_text="Empty: as the DICOM file says"
    )
    priority = serializers.ChoiceField(choices=Priority.choices, default=Priority.ROUTINE)


class CaseListQuerySerializer(serializers.Serializer[Any]):
    """What of the list is wanted."""

    status = serializers.ChoiceField(choices=JobStatus.choices, default="", allow_blank=True)
    ordering = serializers.ChoiceField(
        choices=list(selectors.ORDERINGS), default=selectors.NEWEST_FIRST, allow_blank=True
    )


class ErrorSerializer(serializers.Serializer[Any]):
    """Why something was not done."""

    code = serializers.CharField(help_text="Stable, for scripts")
    detail = serializers.CharField(help_text="For people")


class FailureSerializer(serializers.Serializer[Prediction]):
    """Why the machine gave no answer, and what to do."""

    code = serializers.CharField(source="failure_code")
    text = serializers.CharField(source="failure_text")


class MeasureSerializer(serializers.Serializer[Any]):
    """One measure of out_of_distribution; above its limit the radiograph is unlike those the version learnt from."""

    value = serializers.FloatField()
    limit = serializers.FloatField()


class OutOfDistributionSerializer(serializers.Serializer[Any]):
    """How far the radiograph lies from those the version learnt from."""

    knn = MeasureSerializer(help_text="Distance of its features to the tenth nearest radiograph, 0 to 2")
    mahalanobis = MeasureSerializer(help_text="Distance to the nearest class, in standard deviations")
    energy = MeasureSerializer(help_text="-logsumexp of the logits")


class PredictionSerializer(serializers.Serializer[Prediction]):
    """What one model version says of the radiograph."""

    outcome = serializers.SerializerMethodField(
        help_text="What the finding is worth by the version's own thresholds; null where it was not asked"
    )
    finding = serializers.ChoiceField(choices=Finding.choices, help_text="The class of highest probability")
    candidates = serializers.ListField(
        child=serializers.CharField(),
        help_text="Classes that cannot be excluded, the likeliest first; empty where this was not measured, "
        "and where no class fits a radiograph that is unlike those learnt from",
    )
    out_of_distribution = serializers.SerializerMethodField(help_text="Null: not measured")
    abstains_below = serializers.FloatField(
        source="abstention",
        allow_null=True,
        help_text="Lowest probability from which on the version was right 19 times in 20",
    )
    quality_flags = serializers.ListField(
        child=serializers.ChoiceField(choices=list(uncertainty.SIGNS.items())),
        help_text="Why the picture may be no plain chest radiograph",
    )
    probabilities = serializers.DictField(child=serializers.FloatField(), help_text="By class; the sum is 1")
    operating_point = serializers.DictField(
        source="operating_points",
        child=serializers.FloatField(),
        help_text="By class: the probability from which this version raises its flag",
    )
    version = serializers.CharField()
    heatmap_url = serializers.SerializerMethodField(
        help_text="PNG of the radiograph with the finding's heat map"
    )
    research_use = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ChoiceField(choices=PredictionOutcome.choices, allow_null=True))
    def get_outcome(self, answer: Prediction) -> str | None:
        return answer.outcome or None

    @extend_schema_field(OutOfDistributionSerializer(allow_null=True))
    def get_out_of_distribution(self, answer: Prediction) -> dict[str, Any] | None:
        return (
            OutOfDistributionSerializer(answer.out_of_distribution).data
            if answer.out_of_distribution
            else None
        )

    def get_heatmap_url(self, answer: Prediction) -> str:
        return str(
            self.context["request"].build_absolute_uri(reverse("cases:overlay", args=[answer.case_id]))
        )

    def get_research_use(self, answer: Prediction) -> str:
        return RESEARCH_USE


class CaseSummarySerializer(serializers.Serializer[Case]):
    """Where to find a case and how far the machine is."""

    id = serializers.UUIDField()
    status = serializers.SerializerMethodField(
        help_text="Null: the radiograph came with its finding and the machine was not asked"
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

    existing = serializers.SerializerMethodField(help_text="The radiograph was known; nothing was stored")

    def get_existing(self, case: Case) -> bool:
        return bool(self.context["existing"])


class CaseSerializer(CaseSummarySerializer):
    """A case and what the machine said of it."""

    patient_ref = serializers.CharField()
    accession_number = serializers.CharField()
    priority = serializers.ChoiceField(choices=Priority.choices)
    view = serializers.ChoiceField(choices=View.choices, source="radiograph.view")
    opened_at = serializers.DateTimeField()
    failure = serializers.SerializerMethodField()
    withheld = serializers.SerializerMethodField(
        help_text="True: the answer is not shown to this reader, who may still read the radiograph without it"
    )
    rt_pcr = serializers.SerializerMethodField(
        help_text="Newest result; null where there is none, and for readers who may still read the radiograph"
    )
    prediction = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ChoiceField(choices=PcrOutcome.choices, allow_null=True))
    def get_rt_pcr(self, case: Case) -> str | None:
        newest = None if case.pk in self.context["pcr_kept"] else latest_pcr_result(case)
        return newest.result if newest else None

    @extend_schema_field(FailureSerializer(allow_null=True))
    def get_failure(self, case: Case) -> dict[str, Any] | None:
        latest = selectors.latest_prediction(case)
        failed = latest is not None and latest.status == JobStatus.FAILED
        return FailureSerializer(latest).data if failed else None

    def get_withheld(self, case: Case) -> bool:
        return case.pk in self.context["withheld"]

    @extend_schema_field(PredictionSerializer(allow_null=True))
    def get_prediction(self, case: Case) -> dict[str, Any] | None:
        answer = None if self.get_withheld(case) else selectors.latest_done_prediction(case)
        return PredictionSerializer(answer, context=self.context).data if answer else None
