"""Imports, the files they bring in, and the findings that came with the radiographs."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.models import Site
from diagnostics.cases.models import Case, View
from diagnostics.findings import Finding
from diagnostics.jobs.models import Job, JobStatus


class Stage(models.TextChoices):
    LOOKED = "looked", _("looked through")  # what is there and what is not; no case has been opened
    BRING_IN = "bring-in", _("brought in")


class FileStatus(models.TextChoices):
    """What became of one file."""

    WAITING = "waiting", _("Waiting")
    OPENED = "opened", _("Brought in")
    LINKED = "linked", _("Already here")
    REFUSED = "refused", _("Not usable")


class Import(Job):
    """One collection that was looked through, and is brought in when a person says so."""

    number = models.PositiveIntegerField(unique=True)
    step = models.CharField(max_length=8, choices=Stage.choices, default=Stage.LOOKED)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    origin = models.CharField(max_length=255)  # the name of the folder, table or ZIP it came from
    base = models.TextField()  # on the server: the folder that the files' paths begin at
    wishes = models.JSONField(default=dict)
    collection = models.CharField(max_length=100)
    kind = models.CharField(max_length=20)  # which importer recognised it
    provenance = models.JSONField(default=dict)  # citation, licence, patients, who gave the labels
    left_out = models.JSONField(default=list)  # of {reason, count, examples, details}

    class Meta:
        ordering = ["-number"]

    @classmethod
    def release(cls, pk: uuid.UUID, *, token: uuid.UUID, resend_at: datetime) -> bool:
        """Requeue a claimed import after a successful batch."""
        back = {
            "status": JobStatus.QUEUED,
            "token": None,
            "attempts": 0,
            "worker": "",
            "lease_until": resend_at,
        }
        return bool(cls.claimed(pk, token).update(**back))


class ImportedFile(models.Model):
    """One radiograph of a collection on its way in; a worker that comes later goes on at the waiting ones."""

    # Also the id of the radiograph: an attempt after a worker's death writes over what that one left.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    importing = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="files")
    place = models.PositiveIntegerField()  # in the collection's own order
    path = models.TextField()  # inside the collection
    finding = models.CharField(max_length=16, choices=Finding.choices)
    patient_ref = models.CharField(max_length=64)  # a pseudonym
    view = models.CharField(max_length=8, choices=View.choices, blank=True)
    source = models.CharField(max_length=100)  # where the radiograph was made, as far as the collection tells
    ending = models.CharField(max_length=8, choices=FileStatus.choices, default=FileStatus.WAITING)
    code = models.CharField(max_length=40, blank=True)  # why it is not usable
    case = models.ForeignKey(Case, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["place"]
        indexes = [models.Index(fields=["importing", "ending", "place"])]
        constraints = [
            models.UniqueConstraint(fields=["importing", "place"], name="one_file_per_place"),
            models.CheckConstraint(
                condition=Q(case__isnull=False, ending__in=[FileStatus.OPENED.value, FileStatus.LINKED.value])
                | Q(case__isnull=True, ending__in=[FileStatus.WAITING.value, FileStatus.REFUSED.value]),
                name="a_case_for_what_came_in",
            ),
        ]


class ImportedLabel(models.Model):
    """The finding that a radiograph came with: never changed, and outweighed by any signed reading."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="imported_labels")
    finding = models.CharField(max_length=16, choices=Finding.choices)
    collection = models.CharField(max_length=100)
    source = models.CharField(max_length=100)
    importing = models.ForeignKey(Import, on_delete=models.PROTECT, related_name="labels")
    file = models.OneToOneField(ImportedFile, on_delete=models.PROTECT, related_name="label")
    opened_case = models.BooleanField()  # false: the radiograph was here before, by an upload or an import
    imported_at = models.DateTimeField()

    class Meta:
        ordering = ["imported_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=Q(opened_case=True), name="one_import_opens_a_case"
            )
        ]
