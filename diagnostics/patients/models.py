"""Patients of a site."""

from __future__ import annotations

import uuid

from django.db import models
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
