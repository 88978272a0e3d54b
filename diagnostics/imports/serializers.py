"""Input and output of the API of imports."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from diagnostics.findings import Finding
from diagnostics.imports import errors, selectors
from diagnostics.imports.models import Import
from diagnostics.imports.presenters.progress import progress_of
from diagnostics.jobs.models import JobStatus

STATUSES: Final = ["scanned", *JobStatus.values]


class ScanSerializer(serializers.Serializer[Any]):
    """The collection to scan: a name of the server's import folder, or an uploaded ZIP file."""

    choice = serializers.CharField(required=False, help_text="One of `collections`")
    upload = serializers.FileField(required=False, help_text="A ZIP file, up to 2 GB")
    name = serializers.CharField(required=False, allow_blank=True, help_text="Of an unknown collection")
    label_source = serializers.CharField(required=False, allow_blank=True, help_text="Who gave the findings")
    cohen = serializers.CharField(
        required=False, allow_blank=True, help_text="Where the Cohen collection is, for DarkCovidNet"
    )
    limit = serializers.IntegerField(required=False, help_text="Radiographs, balanced over the findings")
    all_views = serializers.BooleanField(
        required=False, help_text="Include lateral radiographs and those without a stated view"
    )


class CollectionsSerializer(serializers.Serializer[Any]):
    """The collections of the server's import folder."""

    collections = serializers.ListField(child=serializers.CharField())


class FindingCountSerializer(serializers.Serializer[Any]):
    """Radiographs and patients with one finding."""

    finding = serializers.ChoiceField(choices=Finding.choices)
    radiographs = serializers.IntegerField()
    patients = serializers.IntegerField()


class ImportFailureSerializer(serializers.Serializer[Any]):
    """Why an import failed, and what to do."""

    code = serializers.CharField()
    text = serializers.CharField()


class ImportSerializer(serializers.Serializer[Import]):
    """An import with its counts of radiographs."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    collection = serializers.CharField()
    status = serializers.ChoiceField(choices=STATUSES, source="shown.status")
    text = serializers.CharField(source="shown.label")
    finished = serializers.BooleanField(
        help_text="It does not change without a user", source="shown.finished"
    )
    radiographs = serializers.IntegerField(source="shown.radiographs")
    pending = serializers.IntegerField(source="shown.pending")
    imported = serializers.IntegerField(source="shown.imported")
    duplicates = serializers.IntegerField(source="shown.duplicates")
    unusable = serializers.IntegerField(source="shown.unusable")
    failure = serializers.SerializerMethodField()
    scanned_by = serializers.CharField(source="requested_by.username")

    def to_representation(self, instance: Import) -> Any:
        """Return an import with its progress, which the fields name as a source."""
        instance.shown = progress_of(instance, selectors.file_counts(instance))  # type: ignore[attr-defined]
        return super().to_representation(instance)

    @extend_schema_field(ImportFailureSerializer(allow_null=True))
    def get_failure(self, import_job: Import) -> dict[str, str] | None:
        code = import_job.failure_code
        return {"code": code, "text": errors.failure_text(code)} if code else None


class ImportDetailSerializer(ImportSerializer):
    """An import with its findings and what was excluded."""

    findings = serializers.SerializerMethodField()
    exclusions = serializers.ListField(
        child=serializers.DictField(), help_text="Reason, number and examples of excluded files"
    )
    provenance = serializers.DictField(help_text="Citation and licence of the collection")

    @extend_schema_field(FindingCountSerializer(many=True))
    def get_findings(self, import_job: Import) -> Any:
        return FindingCountSerializer(selectors.finding_counts(import_job), many=True).data
