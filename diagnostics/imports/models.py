"""Imports, the files they contain, and the findings that came with the radiographs."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.models import Site
from diagnostics.cases.models import Case, View
from diagnostics.findings import Finding
from diagnostics.jobs.models import Job


class Stage(models.TextChoices):
    SCANNED = "scanned", _("Scanned")  # a dry run: files and exclusions are known, no case exists
    IMPORTING = "importing", _("Importing")


class FileStatus(models.TextChoices):
    """The result for one file."""

    PENDING = "pending", _("Pending")
    IMPORTED = "imported", _("Imported")
    DUPLICATE = "duplicate", _("Already present")
    UNUSABLE = "unusable", _("Not usable")


class Import(Job):
    """One scanned collection, imported after an administrator starts it."""

    number = models.PositiveIntegerField(unique=True)
    stage = models.CharField(max_length=10, choices=Stage.choices, default=Stage.SCANNED)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    origin = models.CharField(max_length=255)  # name of the folder, table or ZIP
    base_folder = models.TextField()  # on the server; the paths of the files are relative to it
    options = models.JSONField(default=dict)
    collection = models.CharField(max_length=100)
    importer = models.CharField(max_length=20)  # that recognised the collection
    provenance = models.JSONField(default=dict)  # citation, licence, patients, labels
    exclusions = models.JSONField(default=list)  # of {reason, count, examples, details}

    class Meta:
        ordering = ["-number"]


class ImportedFile(models.Model):
    """One radiograph of a collection. A later worker continues with the pending ones."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    import_job = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="files")
    position = models.PositiveIntegerField()  # in the order of the collection
    path = models.TextField()  # relative to the base folder
    finding = models.CharField(max_length=16, choices=Finding.choices)
    patient_ref = models.CharField(max_length=64)  # a pseudonym
    view = models.CharField(max_length=8, choices=View.choices, blank=True)
    source = models.CharField(max_length=100)  # where the radiograph was made, if the collection states it
    status = models.CharField(max_length=10, choices=FileStatus.choices, default=FileStatus.PENDING)
    code = models.CharField(max_length=40, blank=True)  # why the file is not usable
    case = models.ForeignKey(Case, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["position"]
        indexes = [models.Index(fields=["import_job", "status", "position"])]
        constraints = [
            models.UniqueConstraint(fields=["import_job", "position"], name="one_file_per_position"),
            models.CheckConstraint(
                condition=Q(
                    case__isnull=False, status__in=[FileStatus.IMPORTED.value, FileStatus.DUPLICATE.value]
                )
                | Q(case__isnull=True, status__in=[FileStatus.PENDING.value, FileStatus.UNUSABLE.value]),
                name="imported_file_has_a_case",
            ),
        ]


class ImportedLabel(models.Model):
    """The finding that came with a radiograph. It never changes; any signed reading takes precedence."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="imported_labels")
    finding = models.CharField(max_length=16, choices=Finding.choices)
    collection = models.CharField(max_length=100)
    source = models.CharField(max_length=100)
    import_job = models.ForeignKey(Import, on_delete=models.PROTECT, related_name="labels")
    file = models.OneToOneField(ImportedFile, on_delete=models.PROTECT, related_name="label")
    opened_case = models.BooleanField()  # False: an upload or an earlier import had opened the case
    imported_at = models.DateTimeField()

    class Meta:
        ordering = ["imported_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=Q(opened_case=True), name="one_import_opens_a_case"
            )
        ]
