"""Cases, their radiographs, and what the machine said of them."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.models import Site
from diagnostics.findings import Finding
from diagnostics.jobs.models import OPEN_STATUSES, Job, JobStatus
from diagnostics.registry.models import ModelVersion


class Priority(models.TextChoices):
    STAT = "stat", _("STAT")
    URGENT = "urgent", _("Urgent")
    ROUTINE = "routine", _("Routine")


PRIORITY_RANK = {Priority.STAT: 0, Priority.URGENT: 1, Priority.ROUTINE: 2}


class View(models.TextChoices):
    PA = "PA", _("PA")
    AP = "AP", _("AP")
    LATERAL = "LATERAL", _("Lateral")
    UNKNOWN = "", _("Unknown")


class PcrOutcome(models.TextChoices):
    """What an RT-PCR test came to; it is no finding of a radiograph, and may well contradict one."""

    DETECTED = "detected", _("Virus detected")
    NOT_DETECTED = "not-detected", _("Virus not detected")
    UNCLEAR = "unclear", _("Unclear")


class PredictionOutcome(models.TextChoices):
    """What a version's answer is worth, by its own thresholds."""

    FINDING = "finding", _("One finding")
    INDETERMINATE = "indeterminate", _("Cannot separate")
    OUT_OF_DISTRIBUTION = "out-of-distribution", _("Unlike the radiographs it learnt from")


class Case(models.Model):
    """One radiograph of one patient, admitted for reading."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="cases")
    patient_ref = models.CharField(_("patient reference"), max_length=64)
    accession_number = models.CharField(_("accession number"), max_length=64, blank=True)
    priority = models.CharField(max_length=8, choices=Priority.choices, default=Priority.ROUTINE)
    priority_rank = models.PositiveSmallIntegerField(default=PRIORITY_RANK[Priority.ROUTINE])
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField(default=timezone.now)  # when it should have been read; see deadlines.py
    stat_rank = models.GeneratedField(  # STAT stands above all else, whatever is due
        expression=models.Case(models.When(priority_rank=0, then=0), default=1),
        output_field=models.PositiveSmallIntegerField(),
        db_persist=True,
    )
    on_worklist = models.BooleanField(default=True)  # on the worklist; what an import brought stays off it
    finalized_at = models.DateTimeField(null=True)  # when its last reading was signed; empty: readers wait
    triage_score = models.FloatField(default=1.0)  # of COVID-19, by the latest answer; 1 where it cannot tell
    # A known radiograph put before one reader, who cannot tell it from others; see copies.py.
    copy_of = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="copies")
    shown_only_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    class Meta:
        ordering = ["-opened_at"]
        indexes = [
            *(
                models.Index(
                    fields=["site", "stat_rank", order, "shown_only_to"],  # the last lets it count by itself
                    condition=Q(finalized_at__isnull=True, on_worklist=True),
                    name=f"waiting_by_{order}",
                )
                for order in ("due_at", "opened_at", "accession_number")
            ),
            models.Index(
                fields=["site", "priority_rank", "-triage_score", "due_at", "shown_only_to"],
                condition=Q(finalized_at__isnull=True, on_worklist=True),
                name="waiting_by_triage_score",
            ),
            models.Index(
                fields=["site", "-finalized_at"],
                condition=Q(finalized_at__isnull=False),
                name="finalized_last",
            ),
            models.Index(fields=["site", "priority_rank", "opened_at"]),
            models.Index(fields=["site", "patient_ref"]),
            models.Index(fields=["site", "-opened_at"]),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(copy_of=None, shown_only_to=None)
                | Q(copy_of__isnull=False, shown_only_to__isnull=False),
                name="a_copy_is_for_one_reader",
            )
        ]


class Radiograph(models.Model):
    """The radiograph of a case; its pixels lie in files named by this row's id."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.OneToOneField(Case, on_delete=models.PROTECT, related_name="radiograph")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    original = models.CharField(max_length=200)  # as uploaded, never served; relative to MEDIA_ROOT
    display = models.CharField(max_length=200)  # our own 8-bit grey PNG; relative to MEDIA_ROOT
    file_sha256 = models.CharField(max_length=64)
    pixel_sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    bits = models.PositiveSmallIntegerField()
    source_format = models.CharField(max_length=8)
    view = models.CharField(max_length=8, choices=View.choices, blank=True)
    sex = models.CharField(max_length=1, blank=True)
    age = models.PositiveSmallIntegerField(null=True)
    study_at = models.DateTimeField(null=True)
    colour = models.FloatField(default=0.0)  # of the file: mean |red - blue|, 0 to 255
    copied = models.BooleanField(default=False)  # the pixels are those of another radiograph of the site

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "pixel_sha256"],
                condition=Q(copied=False),
                name="one_case_per_radiograph_and_site",
            )
        ]


class Prediction(Job):
    """The machine's answer for a case by one model version."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="predictions")
    version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="predictions")
    probabilities = models.JSONField(default=dict)  # class -> calibrated probability
    finding = models.CharField(max_length=16, choices=Finding.choices, blank=True)
    operating_points = models.JSONField(default=dict)  # class -> threshold, as in force then
    outcome = models.CharField(
        max_length=20, choices=PredictionOutcome.choices, blank=True
    )  # empty: given before answers were weighed
    candidates = models.JSONField(default=list)  # classes that cannot be excluded; empty where not measured
    abstention = models.FloatField(null=True)  # below this probability the word is doubtful
    out_of_distribution = models.JSONField(
        default=dict
    )  # measure -> {value, limit}; empty where not measured
    quality_flags = models.JSONField(default=list)  # codes: why the picture may be no plain chest radiograph
    heat = models.JSONField(default=dict)  # class -> {raw_max, reference, no_positive_evidence}
    maps = models.CharField(max_length=200, blank=True)  # .npz of float16 grids, relative to MEDIA_ROOT
    overlay = models.CharField(max_length=200, blank=True)  # PNG of radiograph and heat of `finding`
    seconds = models.JSONField(default=dict)  # step -> seconds

    class Meta:
        ordering = ["-queued_at"]
        indexes = [models.Index(fields=["status", "queued_at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["case"],
                condition=Q(status__in=[s.value for s in OPEN_STATUSES]),
                name="one_open_prediction_per_case",
            ),
            models.UniqueConstraint(
                fields=["case", "version"],
                condition=Q(status=JobStatus.DONE.value),
                name="one_prediction_per_case_and_version",
            ),
        ]


class PredictionShown(models.Model):
    """When a reader first saw what the machine says of a case: from then on nothing they say is blind."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="predictions_shown")
    to = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "to"], name="one_first_sight_per_reader")]


class PcrResult(models.Model):
    """One RT-PCR result beside a case: never changed; a newer one stands before it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="pcr_results")
    result = models.CharField(_("RT-PCR"), max_length=16, choices=PcrOutcome.choices)
    taken_on = models.DateField(_("sample taken on"), null=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    entered_at = models.DateTimeField()

    class Meta:
        ordering = ["-entered_at"]
