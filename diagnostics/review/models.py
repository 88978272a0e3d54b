"""Claims on cases, the readings that end them, and what the readings of a case come to."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.models import Site
from diagnostics.cases.models import Case, Prediction
from diagnostics.findings import Finding


class Confidence(models.TextChoices):
    SURE = "sure", _("sure")
    FAIRLY = "fairly", _("fairly sure")
    UNSURE = "unsure", _("unsure")


class ReadingKind(models.TextChoices):
    """What a reading is for."""

    READING = "reading", _("reading")
    ADJUDICATION = "adjudication", _("adjudication")  # of readers who disagree; it decides


class ConsensusStatus(models.TextChoices):
    """Where a case stands from its first reading on."""

    SECOND_READ = "second-read", _("Waits for another reader")
    DISAGREE = "disagree", _("Readers disagree")
    FINAL = "final", _("Final")


class Queue(models.TextChoices):
    """Where the next case comes from."""

    CLINICAL = "clinical", _("what is due")
    LEARNING = "learning", _("what teaches most")
    DISAGREEMENTS = "disagreements", _("what others disagree about")


class ServedReason(models.TextChoices):
    """Why a reader was given a case; told only after the reading, for it would tell of the machine."""

    DUE = "due", _("It was due.")
    SUSPECTED = "suspected", _("The machine suspects COVID-19 in it more than in others, or cannot tell.")
    CHOSEN = "chosen", _("You chose it.")
    DISAGREEMENT = "disagreement", _("Other readers disagreed.")
    UNCERTAIN = "uncertain", _("The machine could not separate findings.")
    CONTRADICTED = "contradicted", _("The first reader contradicted the machine.")
    NOVEL = "novel", _("It is unlike the radiographs the machine learnt from.")
    RANDOM = "random", _("It was drawn at random.")


class ReferenceBasis(models.TextChoices):
    """How the truth of a gold case is known, apart from the radiograph."""

    RT_PCR = "rt-pcr", _("RT-PCR")
    CT = "ct", _("CT")
    COURSE = "course", _("what became of the patient")
    PANEL = "panel", _("a panel of readers")
    COLLECTION = "collection", _("the label of a published collection")


class ControlPurpose(models.TextChoices):
    """Why a copy of a known radiograph stands among a reader's radiographs."""

    GOLD = "gold", _("its truth is known")
    REPEAT = "repeat", _("the reader has read it before")


class Claim(models.Model):
    """A reader holds a case for a while; the hold ends by itself."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="claims")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    served = models.CharField(max_length=16, choices=ServedReason.choices, default=ServedReason.DUE)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=Q(ended_at__isnull=True), name="one_open_claim_per_case"
            )
        ]


class Reading(models.Model):
    """What one reader said of a case: never changed, only superseded by an amendment."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="readings")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=ReadingKind.choices, default=ReadingKind.READING)
    finding = models.CharField(max_length=16, choices=Finding.choices)
    confidence = models.CharField(max_length=8, choices=Confidence.choices, default=Confidence.SURE)
    note = models.TextField(blank=True)
    signed_at = models.DateTimeField()
    supersedes = models.OneToOneField(
        "self", null=True, on_delete=models.PROTECT, related_name="superseded_by"
    )
    amendment_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-signed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["case", "by"],
                condition=Q(supersedes__isnull=True),
                name="one_first_reading_per_reader",
            )
        ]


class AssistedReading(models.Model):
    """What a reader said after the machine's answer: kept or changed, apart from the first reading."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reading = models.OneToOneField(Reading, on_delete=models.PROTECT, related_name="assisted_reading")
    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="+")
    finding = models.CharField(max_length=16, choices=Finding.choices)
    at = models.DateTimeField()


class Consensus(models.Model):
    """What the readings of a case come to; made with the first, and brought up to date with each."""

    case = models.OneToOneField(Case, primary_key=True, on_delete=models.PROTECT, related_name="consensus")
    readers_needed = models.PositiveSmallIntegerField()
    standing = models.CharField(max_length=16, choices=ConsensusStatus.choices)
    finding = models.CharField(max_length=16, choices=Finding.choices, blank=True)  # once final

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(standing=ConsensusStatus.FINAL.value) ^ Q(finding=""), name="a_finding_once_final"
            )
        ]


class ReadingPolicy(models.Model):
    """How a site reads."""

    site = models.OneToOneField(Site, primary_key=True, on_delete=models.PROTECT, related_name="+")
    double_read_percent = models.PositiveSmallIntegerField(
        _("cases that two readers read, of 100"), default=0, validators=[MaxValueValidator(100)]
    )
    triage_by_score = models.BooleanField(default=False)  # the order of what is not due yet
    has_learning_queue = models.BooleanField(_("readers may read what teaches most"), default=False)
    # Of 100 radiographs served to learn from; what is left is drawn at random.
    uncertain_percent = models.PositiveSmallIntegerField(default=40, validators=[MaxValueValidator(100)])
    contradicted_percent = models.PositiveSmallIntegerField(default=20, validators=[MaxValueValidator(100)])
    novel_percent = models.PositiveSmallIntegerField(default=20, validators=[MaxValueValidator(100)])
    # For every 100 radiographs a reader signs, so many known ones are put among those that wait.
    gold_percent = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(50)])
    repeat_percent = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(50)])

    @property
    def random_percent(self) -> int:
        """Return the share that is drawn at random and may alone estimate how good the machine is."""
        return 100 - self.uncertain_percent - self.contradicted_percent - self.novel_percent


class Assignment(models.Model):
    """A radiograph handed to one reader; nobody else is served it."""

    case = models.OneToOneField(Case, primary_key=True, on_delete=models.PROTECT, related_name="assignment")
    to = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()


class ReferenceCase(models.Model):
    """A radiograph whose truth is known: it measures readers and never teaches the network."""

    case = models.OneToOneField(Case, primary_key=True, on_delete=models.PROTECT, related_name="gold")
    finding = models.CharField(
        max_length=16, choices=[choice for choice in Finding.choices if choice[0] != Finding.CANNOT_JUDGE]
    )
    basis = models.CharField(max_length=16, choices=ReferenceBasis.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)  # from then on it is put before nobody else


class ControlCase(models.Model):
    """A copy of a known radiograph among the radiographs of one reader."""

    case = models.OneToOneField(Case, primary_key=True, on_delete=models.PROTECT, related_name="mixed_in")
    purpose = models.CharField(max_length=8, choices=ControlPurpose.choices)


class SavedView(models.Model):
    """A worklist as one person likes to see it: its address is the view."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=40)
    query = models.CharField(max_length=300)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="one_view_per_name")]
