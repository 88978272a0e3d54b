"""Tables of the kept figures: what each case adds to them, their sums, and the cases that changed since."""

from __future__ import annotations

from enum import StrEnum

from django.db import models

from diagnostics.accounts.models import Site


class FigureKind(StrEnum):
    """What is counted; selectors/case_entries.py defines the key of each kind."""

    LABEL = "label"  # training labels
    PATIENT = "patient"  # patients with a training label of a finding
    CONFLICT = "conflict"  # cases whose imported labels conflict
    AGREEMENT = "agreement"  # cases by their first readings, two or more
    ASSISTED = "assisted"  # AI-assisted readings
    RANDOM = "random"  # randomly drawn final cases with an AI result
    REPEAT = "repeat"  # readings of repeated cases
    REFERENCE = "reference"  # readings of reference cases
    AI_RESULT = "ai-result"  # first readings with an AI result, by hour


class ChangedCase(models.Model):
    """A case that may add something else to the figures than was counted.

    Triggers on the tables of cases, readings and labels add the rows (migration 0009), so no writer waits
    for another; `services/kept_figures.py` counts these cases again.
    """

    case = models.UUIDField(db_index=True, db_column="case_id")  # no key: the case may be deleted


class CaseFigures(models.Model):
    """What a case has added to the figures, so that it can be subtracted; only cases that add something."""

    case = models.UUIDField(primary_key=True, db_column="case_id")  # no key: the case may be deleted
    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    entries = models.JSONField()  # [site, kind, hour or "", key]
    label = models.UUIDField(null=True)  # the reading or imported label of its training label
    finding = models.CharField(max_length=16, blank=True)  # of the label
    pseudonym = models.CharField(max_length=64, blank=True)  # of the patient; empty without a label
    signed_at = models.DateTimeField(null=True)  # when a signed label became final
    final_at = models.DateTimeField(null=True)  # of a case from the worklist that is not withdrawn
    took = models.BigIntegerField(null=True)  # microseconds from the upload until then
    is_stat = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["pseudonym", "finding"], name="case_figures_by_patient"),
            models.Index(fields=["signed_at", "site"], name="case_figures_by_time"),
            models.Index(fields=["final_at", "site", "is_stat", "took"], name="case_figures_turnaround"),
        ]


class WaitingCount(models.Model):
    """A change of the number of cases that wait for a reading; the sum of the rows is the number.

    Triggers on the table of cases add the rows (migration 0010); `services/case_counts.py` sums them up.
    """

    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    priority = models.CharField(max_length=8)
    due_on = models.DateField()  # in UTC
    change = models.IntegerField()


class FigureCount(models.Model):
    """A number of one kind and key at one site, in one hour where the kind has a time."""

    digest = models.CharField(max_length=64, primary_key=True)  # of the other columns: keys may be long
    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    kind = models.CharField(max_length=12)  # a FigureKind
    at = models.DateTimeField(null=True)  # the beginning of the hour
    key = models.TextField()  # a JSON array
    number = models.IntegerField()

    class Meta:
        indexes = [models.Index(fields=["kind", "at"], name="figure_count_by_kind")]
