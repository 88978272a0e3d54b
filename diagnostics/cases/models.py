"""Tables of cases: radiographs, predictions, RT-PCR results, and who has seen which prediction."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q, Value
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.models import Site
from diagnostics.cases.choices import CorrectionKind as CorrectionKind
from diagnostics.cases.list_indexes import CASE_INDEXES, NO_STUDY_TIME, RADIOGRAPH_INDEXES
from diagnostics.cases.list_indexes import INDEXED_UIDS as INDEXED_UIDS
from diagnostics.cases.list_indexes import OPEN as OPEN
from diagnostics.files import FileProblem
from diagnostics.findings import Finding
from diagnostics.jobs.models import OPEN_STATUSES, Job, JobStatus
from diagnostics.registry.models import ModelVersion


class Priority(models.TextChoices):
    """How soon a case must be read."""

    STAT = "stat", _("STAT")
    URGENT = "urgent", _("Urgent")
    ROUTINE = "routine", _("Routine")


PRIORITY_RANK = {Priority.STAT: 0, Priority.URGENT: 1, Priority.ROUTINE: 2}


class View(models.TextChoices):
    """The projection of a chest radiograph."""

    PA = "PA", _("PA")
    AP = "AP", _("AP")
    LATERAL = "LATERAL", _("Lateral")
    UNKNOWN = "", _("Unknown")


class PcrOutcome(models.TextChoices):
    """The result of an RT-PCR test. It is not a finding of the radiograph and may contradict it."""

    DETECTED = "detected", _("Virus detected")
    NOT_DETECTED = "not-detected", _("Virus not detected")
    INCONCLUSIVE = "inconclusive", _("Inconclusive")


class PredictionOutcome(models.TextChoices):
    """Whether a prediction is one finding, by the thresholds of its version."""

    FINDING = "finding", _("One finding")
    INDETERMINATE = "indeterminate", _("Indeterminate")
    OUT_OF_DISTRIBUTION = "out-of-distribution", _("Out of distribution")
    NOT_SCORED = "not-scored", _("Not scored: stopped by the quality gate")


class QualityCode(models.TextChoices):
    """Why the quality gate stops the score of a radiograph."""

    NOT_A_RADIOGRAPH = "not-a-radiograph", _("not a radiograph")
    NOT_A_CHEST = "not-a-chest", _("not a chest")
    LATERAL_VIEW = "lateral-view", _("lateral view")
    CT_SLICE = "ct-slice", _("CT slice")
    PAEDIATRIC = "paediatric", _("paediatric radiograph")
    TOO_SMALL = "too-small", _("image too small")
    INVERTED = "inverted", _("inverted greys")


class Case(models.Model):
    """One radiograph of one patient, admitted for reading."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="cases")
    patient_ref = models.CharField(_("patient reference"), max_length=64)
    accession_number = models.CharField(_("accession number"), max_length=64, blank=True)
    referrer = models.CharField(_("referrer"), max_length=200, blank=True, default="", db_default="")
    clinical_question = models.CharField(
        _("clinical question"), max_length=500, blank=True, default="", db_default=""
    )
    priority = models.CharField(max_length=8, choices=Priority.choices, default=Priority.ROUTINE)
    priority_rank = models.PositiveSmallIntegerField(default=PRIORITY_RANK[Priority.ROUTINE])
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField(default=timezone.now)  # the reading deadline; see deadlines.py
    stat_rank = models.GeneratedField(  # STAT sorts before all other priorities, whatever their deadlines
        expression=models.Case(models.When(priority_rank=0, then=0), default=1),
        output_field=models.PositiveSmallIntegerField(),
        db_persist=True,
    )
    on_worklist = models.BooleanField(default=True)  # False for an imported case, which has its label
    withdrawn_at = models.DateTimeField(null=True)  # then it is neither read nor used for training
    finalized_at = models.DateTimeField(null=True)  # when its last reading was signed; null: some are missing
    # Probability of COVID-19 by the latest prediction; 1 where the outcome is not one finding.
    triage_score = models.FloatField(default=1.0)
    # Of the radiograph, for the order and the filters of lists; triggers keep them (migration 0012).
    listed_study_at = models.DateTimeField(null=True, db_default=Value(NO_STUDY_TIME), editable=False)
    listed_view = models.CharField(  # noqa: DJ001  null, so that SQLite need not rebuild the table
        max_length=8, null=True, db_default=Value(""), editable=False
    )
    # A control case: the radiograph of another case, assigned to one reader; see services/control_copies.py.
    copy_of = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="copies")
    shown_only_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    class Meta:
        ordering = ["-opened_at"]
        indexes = CASE_INDEXES
        constraints = [
            models.CheckConstraint(
                condition=Q(copy_of=None, shown_only_to=None)
                | Q(copy_of__isnull=False, shown_only_to__isnull=False),
                name="control_copy_has_one_reader",
            )
        ]


class Radiograph(models.Model):
    """The radiograph of a case; its files are named after this row's id."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.OneToOneField(Case, on_delete=models.PROTECT, related_name="radiograph")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    original = models.CharField(max_length=200)  # as uploaded, never served; relative to MEDIA_ROOT
    display = models.CharField(max_length=200)  # 8-bit grey PNG; relative to MEDIA_ROOT
    file_sha256 = models.CharField(max_length=64)
    # Of the stored files; empty for those written before checksums were recorded.
    display_sha256 = models.CharField(max_length=64, blank=True, default="", db_default="")
    grey_sha256 = models.CharField(max_length=64, blank=True, default="", db_default="")
    depth_sha256 = models.CharField(max_length=64, blank=True, default="", db_default="")
    thumbnail_sha256 = models.CharField(max_length=64, blank=True, default="", db_default="")
    pixel_sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    bits = models.PositiveSmallIntegerField()
    source_format = models.CharField(max_length=8)
    view = models.CharField(max_length=8, choices=View.choices, blank=True)
    sex = models.CharField(max_length=1, blank=True)
    age = models.PositiveSmallIntegerField(null=True)
    study_at = models.DateTimeField(null=True)
    # From the DICOM header; empty where the file has none.
    study_uid = models.CharField(max_length=64, blank=True, default="", db_default="")
    series_uid = models.CharField(max_length=64, blank=True, default="", db_default="")
    sop_instance_uid = models.CharField(max_length=64, blank=True, default="", db_default="")
    modality = models.CharField(max_length=16, blank=True, default="", db_default="")
    body_part = models.CharField(max_length=64, blank=True, default="", db_default="")
    laterality = models.CharField(max_length=1, blank=True, default="", db_default="")
    institution = models.CharField(max_length=200, blank=True, default="", db_default="")
    device = models.CharField(max_length=200, blank=True, default="", db_default="")
    colour = models.FloatField(default=0.0)  # of the file: mean |red - blue|, 0 to 255
    is_control_copy = models.BooleanField(default=False)  # the site has the original radiograph too

    class Meta:
        indexes = RADIOGRAPH_INDEXES
        constraints = [
            models.UniqueConstraint(
                fields=["site", "pixel_sha256"],
                condition=Q(is_control_copy=False),
                name="one_case_per_radiograph_and_site",
            )
        ]


class Prediction(Job):
    """The prediction of one model version for a case, as a background job."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="predictions")
    version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="predictions")
    probabilities = models.JSONField(default=dict)  # class -> calibrated probability
    finding = models.CharField(max_length=16, choices=Finding.choices, blank=True)
    operating_points = models.JSONField(default=dict)  # class -> threshold of that version
    # Empty: the version has no such thresholds.
    outcome = models.CharField(max_length=20, choices=PredictionOutcome.choices, blank=True)
    candidates = models.JSONField(default=list)  # classes that cannot be excluded; empty where not measured
    abstention = models.FloatField(null=True)  # a highest probability below this is unreliable
    # Measure -> {value, limit}; empty where not measured.
    out_of_distribution = models.JSONField(default=dict)
    input_measures = models.JSONField(default=dict, db_default={})  # see ml/images/input_measures.py
    quality_flags = models.JSONField(default=list)  # codes: why it may not be a plain chest radiograph
    quality_code = models.CharField(  # why the quality gate stops the score; empty where it does not
        max_length=24, choices=QualityCode.choices, blank=True, default="", db_default=""
    )
    override_reason = models.CharField(  # why it is scored in spite of the quality gate
        _("reason"), max_length=200, blank=True, default="", db_default=""
    )
    override_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    override_at = models.DateTimeField(null=True)
    heatmaps = models.JSONField(default=dict)  # class -> {raw_max, reference, no_positive_evidence}
    heatmap_file = models.CharField(max_length=200, blank=True)  # .npz of float16 grids; in MEDIA_ROOT
    overlay_file = models.CharField(max_length=200, blank=True)  # PNG: radiograph, heatmap of `finding`
    heatmap_sha256 = models.CharField(max_length=64, blank=True, default="", db_default="")
    overlay_sha256 = models.CharField(max_length=64, blank=True, default="", db_default="")
    seconds = models.JSONField(default=dict)  # step -> seconds

    class Meta:
        ordering = ["-queued_at"]
        indexes = [
            models.Index(fields=["status", "queued_at"]),
            models.Index(fields=["finished_at"]),
            models.Index(fields=["outcome", "case"], name="prediction_by_outcome"),
            models.Index(
                fields=["finished_at", "case"], condition=Q(status="failed"), name="failed_predictions"
            ),
        ]
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

    def lock_case(self) -> None:
        """Lock the case before this row, as corrections do: the opposite order could deadlock."""
        Case.objects.select_for_update(no_key=True).filter(pk=self.case_id).first()


class PredictionShown(models.Model):
    """When a reader first saw a prediction of a case; later readings of that reader are not blind."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="predictions_shown")
    to = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "to"], name="one_first_view_per_reader")]


class PcrResult(models.Model):
    """One RT-PCR result of a case. Results are immutable; the newest one is shown."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="pcr_results")
    result = models.CharField(_("RT-PCR"), max_length=16, choices=PcrOutcome.choices)
    taken_on = models.DateField(_("sample taken on"), null=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    entered_at = models.DateTimeField()

    class Meta:
        ordering = ["-entered_at"]


class Correction(models.Model):
    """One correction of a case, or the choice between form and file at its upload. Rows are immutable."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="corrections")
    kind = models.CharField(max_length=12, choices=CorrectionKind.choices)
    old = models.CharField(max_length=200, blank=True)
    new = models.CharField(max_length=200, blank=True)
    reason = models.CharField(_("reason"), max_length=200)
    at_upload = models.BooleanField(default=False)  # `old` is then what was not taken
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at"]


class DamagedFile(models.Model):
    """A stored file of a case that was found missing or damaged, until it is restored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="damaged_files")
    name = models.CharField(max_length=200)  # relative to MEDIA_ROOT
    kind = models.CharField(max_length=32)
    problem = models.CharField(max_length=8, choices=FileProblem.choices)
    found_at = models.DateTimeField()
    restored_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-found_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                condition=Q(restored_at__isnull=True),
                name="one_open_record_per_damaged_file",
            )
        ]
