"""Input and output of the API of the worklist and of claims; nothing here tells of an AI result."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from diagnostics.cases.models import Priority, View
from diagnostics.cases.serializers.actions import CasesSerializer
from diagnostics.patients.presenters import masked_reference
from diagnostics.review.models import Claim, Queue
from diagnostics.review.worklist_query import MAX_SEARCH_LENGTH, STATE_FILTERS, Tab, WorklistState

STATUSES = [(status.value, status.label) for status in (*Tab, *STATE_FILTERS)]


class WorklistQuerySerializer(serializers.Serializer[Any]):
    """Filter and order of the worklist, as of the page."""

    status = serializers.ChoiceField(
        choices=STATUSES, required=False, help_text="A tab or a state; without it the first tab of the role"
    )
    priority = serializers.ChoiceField(choices=Priority.choices, required=False)
    view = serializers.ChoiceField(choices=[*filter(None, View.values), "none"], required=False)
    q = serializers.CharField(
        max_length=MAX_SEARCH_LENGTH, required=False, help_text="Part of an accession number"
    )
    sort = serializers.ChoiceField(
        choices=["received", "-received", "study", "-study", "accession", "-accession"],
        required=False,
        help_text="Without it open cases by due time, STAT first",
    )


class WorklistCaseSerializer(serializers.Serializer[Any]):
    """A case of the worklist."""

    id = serializers.UUIDField()
    url = serializers.SerializerMethodField()
    patient_ref = serializers.SerializerMethodField(help_text="Masked")
    accession_number = serializers.CharField()
    priority = serializers.ChoiceField(choices=Priority.choices)
    state = serializers.ChoiceField(choices=WorklistState.choices)
    view = serializers.ChoiceField(choices=View.choices, source="radiograph.view")
    opened_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(allow_null=True)
    read_by = serializers.CharField(source="reader", allow_null=True, help_text="Who holds a claim")
    assigned_to = serializers.SerializerMethodField()

    def get_url(self, case: Any) -> str:
        return str(self.context["request"].build_absolute_uri(reverse("api-case", args=[case.pk])))

    def get_patient_ref(self, case: Any) -> str:
        return masked_reference(case.site, case.patient_ref)

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_assigned_to(self, case: Any) -> str | None:
        assignment = getattr(case, "assignment", None)
        return assignment.to.username if assignment else None


class NextCaseSerializer(serializers.Serializer[Any]):
    """The queue of the next case."""

    queue = serializers.ChoiceField(choices=Queue.choices, default=Queue.CLINICAL)


class ClaimSerializer(serializers.Serializer[Claim]):
    """A claim of a reader; why the case was served is told only after the reading."""

    case = serializers.UUIDField(source="case_id")
    until = serializers.DateTimeField(help_text="The claim expires then unless it is renewed")
    radiograph_url = serializers.SerializerMethodField(help_text="PNG; takes the same API token")

    def get_radiograph_url(self, claim: Claim) -> str:
        url = reverse("cases:radiograph", args=[claim.case_id])
        return str(self.context["request"].build_absolute_uri(url))


class AssignSerializer(CasesSerializer):
    """The assignment of cases."""

    to = serializers.CharField(
        allow_null=True, max_length=150, help_text="User name of a reader; null: open to every reader"
    )


class SavedViewSerializer(serializers.Serializer[Any]):
    """A saved view of the list of cases."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=40)
    query = serializers.CharField(
        max_length=300, allow_blank=True, help_text="Filters and order, as the parameters of the worklist"
    )
