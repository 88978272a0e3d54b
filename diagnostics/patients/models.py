"""Patients of a site, and conflicts between their records."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.models import Site


class Patient(models.Model):
    """What a site knows of a patient. Its cases name it by site and reference, the hospital's patient ID."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+", db_index=False)
    reference = models.CharField(_("patient reference"), max_length=64)
    name = models.CharField(_("name"), max_length=200, blank=True)  # family, given: "MEIER, Anna"
    birth_date = models.DateField(_("birth date"), null=True)
    sex = models.CharField(_("sex"), max_length=1, blank=True)  # M, F, O or empty, as in DICOM

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "reference"], name="one_patient_per_reference_and_site")
        ]
        indexes = [models.Index(fields=["site", "name"], name="patient_by_name")]


class ConflictKind(models.TextChoices):
    """What two records of a site state differently."""

    ACCESSION = "accession", _("one accession number, two patients")
    NAME = "name", _("one patient, two names")
    BIRTH_DATE = "birth-date", _("one patient, two birth dates")
    SEX = "sex", _("one patient, two sexes")


class Resolution(models.TextChoices):
    """How a person has settled a conflict."""

    KEEP_KNOWN = "keep-known", _("the value known before is right")
    TAKE_FOUND = "take-found", _("the new value is right")
    SETTLED = "settled", _("settled otherwise, for example by a correction of a case")


class IdentityConflict(models.Model):
    """A contradiction between two records of a site, until a person has settled it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=12, choices=ConflictKind.choices)
    reference = models.CharField(_("patient reference"), max_length=64)
    other_reference = models.CharField(max_length=64, blank=True)  # of the second patient of an accession
    known = models.CharField(max_length=200, blank=True)  # of an accession: the number itself
    found = models.CharField(max_length=200, blank=True)
    found_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    resolution = models.CharField(max_length=12, choices=Resolution.choices, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    class Meta:
        ordering = ["-found_at"]
        indexes = [models.Index(fields=["site", "resolved_at"], name="conflict_by_site")]
        constraints = [
            models.UniqueConstraint(
                fields=["site", "kind", "reference", "other_reference", "found"],
                condition=Q(resolved_at__isnull=True),
                name="one_open_conflict",
            )
        ]
