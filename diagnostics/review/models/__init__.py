"""Claims on cases, readings, the consensus of readings, and how a site reads."""

from __future__ import annotations

import uuid
from typing import Final, Self

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.models import Site
from diagnostics.cases.models import Case, Prediction
from diagnostics.findings import Finding
from diagnostics.review import note_template
from diagnostics.review.models.figures import CaseFigures as CaseFigures
from diagnostics.review.models.figures import ChangedCase as ChangedCase
from diagnostics.review.models.figures import FigureCount as FigureCount
from diagnostics.review.models.figures import FigureKind as FigureKind
from diagnostics.review.models.figures import WaitingCount as WaitingCount

MAX_NOTE_LENGTH: Final = 2000  # characters
REFERENCE_FINDINGS: Final = [choice for choice in Finding.choices if choice[0] != Finding.CANNOT_JUDGE]


class Confidence(models.TextChoices):
    SURE = "sure", _("sure")
    FAIRLY = "fairly", _("fairly sure")
    UNSURE = "unsure", _("unsure")


class ReadingKind(models.TextChoices):
    """The purpose of a reading.

    A second opinion is read without the AI result, but its reader may have seen the final finding of a
    colleague before: it counts for the consensus, and not in agreement of independent first readings.
    """

    READING = "reading", _("reading")
    SECOND_OPINION = "second-opinion", _("second opinion")  # of a case that was final before
    ADJUDICATION = "adjudication", _("adjudication")  # after a disagreement; it outweighs the others


class ConsensusStatus(models.TextChoices):
    """The status of a case from its first reading on."""

    SECOND_READ = "second-read", _("Awaiting second read")
    NEEDS_ADJUDICATION = "needs-adjudication", _("Needs adjudication")
    FINAL = "final", _("Final")


class Queue(models.TextChoices):
    """The queue from which the next case is served."""

    CLINICAL = "clinical", _("clinical queue")
    ACTIVE_LEARNING = "active-learning", _("active-learning queue")
    ADJUDICATION = "adjudication", _("adjudication queue")


class ServedReason(models.TextChoices):
    """Why a case was served; shown only after the reading, because it tells of the AI result."""

    DUE = "due", _("Next by due time.")
    TRIAGE_SCORE = (
        "triage-score",
        _("Next by AI triage score: high score for COVID-19, or no clear AI result."),
    )
    CHOSEN = "chosen", _("Chosen by you.")
    DISAGREEMENT = "disagreement", _("Earlier readings disagree.")
    UNCERTAIN = "uncertain", _("The AI result is indeterminate.")
    CONTRADICTED = "contradicted", _("The first reading contradicts the AI result.")
    NOVEL = "novel", _("The radiograph is out of distribution: unlike the training data.")
    RANDOM = "random", _("Drawn at random.")
    SELECTED = "selected", _("Selected for the active-learning queue by an administrator.")


class ReferenceBasis(models.TextChoices):
    """How the reference standard of a case is known, apart from the radiograph."""

    RT_PCR = "rt-pcr", _("RT-PCR")
    CT = "ct", _("CT")
    COURSE = "course", _("clinical course")
    PANEL = "panel", _("panel of readers")
    COLLECTION = "collection", _("label of a published collection")


class ControlPurpose(models.TextChoices):
    """What a control case measures."""

    REFERENCE = "reference", _("performance against the reference standard")
    REPEAT = "repeat", _("intra-reader agreement")


class Claim(models.Model):
    """One reader's exclusive claim on a case; it expires at `until` unless it is renewed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="claims")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    served = models.CharField(max_length=16, choices=ServedReason.choices, default=ServedReason.DUE)

    class Meta:
        indexes = [
            models.Index(fields=["by"], condition=Q(ended_at__isnull=True), name="open_claim_by_reader")
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=Q(ended_at__isnull=True), name="one_open_claim_per_case"
            )
        ]


class ReadingQuerySet(models.QuerySet["Reading"]):
    """Readings, of which only the standing ones count."""

    def standing(self) -> Self:
        """Return the readings whose signature has not been undone."""
        return self.filter(withdrawn_at=None)


class Reading(models.Model):
    """One signed reading. It is never changed or deleted: an amendment supersedes it.

    Undoing the signature sets `withdrawn_at`, once. A withdrawn reading stays on record and counts nowhere:
    read `Reading.objects.standing()`, or `selectors.readings`, wherever readings are counted or shown.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="readings")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=ReadingKind.choices, default=ReadingKind.READING)
    finding = models.CharField(max_length=16, choices=Finding.choices)
    confidence = models.CharField(max_length=8, choices=Confidence.choices, default=Confidence.SURE)
    note = models.TextField(blank=True)
    structured = models.JSONField(default=dict, db_default={}, blank=True)  # see note_template.py
    signed_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    supersedes = models.OneToOneField(
        "self", null=True, on_delete=models.PROTECT, related_name="superseded_by"
    )
    amendment_reason = models.TextField(blank=True)

    objects = ReadingQuerySet.as_manager()

    class Meta:
        ordering = ["-signed_at"]
        indexes = [
            models.Index(fields=["signed_at"]),
            models.Index(fields=["by", "signed_at"], name="reading_by_reader"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["case", "by"],
                condition=Q(supersedes__isnull=True, withdrawn_at__isnull=True),
                name="one_first_reading_per_reader",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(supersedes__isnull=True),
                name="only_first_readings_are_withdrawn",
            ),
        ]

    @property
    def structured_text(self) -> str:
        """Return the structured note as a sentence; empty without one."""
        return note_template.sentence(self.structured)


class AssistedReading(models.Model):
    """The finding of a reader after seeing the AI result, recorded apart from the first reading."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reading = models.OneToOneField(Reading, on_delete=models.PROTECT, related_name="assisted_reading")
    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="+")
    finding = models.CharField(max_length=16, choices=Finding.choices)
    at = models.DateTimeField()


class Consensus(models.Model):
    """The combined result of the readings of a case; created with the first, updated with each."""

    case = models.OneToOneField(Case, primary_key=True, on_delete=models.PROTECT, related_name="consensus")
    readers_needed = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=24, choices=ConsensusStatus.choices)
    finding = models.CharField(max_length=16, choices=Finding.choices, blank=True)  # empty until final
    second_opinion_at = models.DateTimeField(null=True)  # when one was requested first

    class Meta:
        indexes = [models.Index(fields=["status", "case"], name="consensus_by_status")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status=ConsensusStatus.FINAL.value) ^ Q(finding=""), name="finding_if_final"
            )
        ]


class ReadingPolicy(models.Model):
    """How a site reads: double reading, triage, the active-learning queue and control cases."""

    site = models.OneToOneField(Site, primary_key=True, on_delete=models.PROTECT, related_name="+")
    double_read_percent = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(100)])
    triage_by_score = models.BooleanField(default=False)  # orders the cases that are not due yet
    has_active_learning_queue = models.BooleanField(default=False)
    # Shares of the cases served from the active-learning queue; the rest is drawn at random.
    uncertain_percent = models.PositiveSmallIntegerField(default=40, validators=[MaxValueValidator(100)])
    contradicted_percent = models.PositiveSmallIntegerField(default=20, validators=[MaxValueValidator(100)])
    novel_percent = models.PositiveSmallIntegerField(default=20, validators=[MaxValueValidator(100)])
    # Control cases added to a reader's worklist per 100 signed radiographs.
    reference_percent = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(50)])
    repeat_percent = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(50)])

    @property
    def random_percent(self) -> int:
        """Return the share drawn at random: the only cases that estimate model performance without bias."""
        return 100 - self.uncertain_percent - self.contradicted_percent - self.novel_percent


class Assignment(models.Model):
    """A case assigned to one reader; it is served to nobody else until that reader has read it."""

    case = models.OneToOneField(Case, primary_key=True, on_delete=models.PROTECT, related_name="assignment")
    to = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()


class SelectedCase(models.Model):
    """A case that an administrator selected for the active-learning queue; it is served before drawn ones."""

    case = models.OneToOneField(
        Case, primary_key=True, on_delete=models.PROTECT, related_name="selected_case"
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()


class ReferenceCase(models.Model):
    """A case with a reference standard: it measures readers and is never used for training."""

    case = models.OneToOneField(
        Case, primary_key=True, on_delete=models.PROTECT, related_name="reference_case"
    )
    finding = models.CharField(max_length=16, choices=REFERENCE_FINDINGS)
    basis = models.CharField(max_length=16, choices=ReferenceBasis.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)  # no control cases are made from it afterwards


class ControlCase(models.Model):
    """A case in one reader's worklist whose radiograph is that of a reference case or a repeat."""

    case = models.OneToOneField(Case, primary_key=True, on_delete=models.PROTECT, related_name="control_case")
    purpose = models.CharField(max_length=12, choices=ControlPurpose.choices)


class SavedView(models.Model):
    """A named view of the worklist: its query string is the view."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=40)
    query = models.CharField(max_length=300)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="one_view_per_name")]


class CaseCount(models.Model):
    """A change of the number of cases in one state; the sum of the rows is the number.

    Triggers on the table of cases add the rows (migration 0003), so no writer waits for another;
    `services/case_counts.py` replaces them by their sums.
    """

    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    shown_only_to = models.ForeignKey(  # of control copies
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    state = models.CharField(max_length=8)  # open, final or imported
    withdrawn = models.BooleanField()
    change = models.IntegerField()
