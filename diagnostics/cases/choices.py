"""Choices of the tables of cases."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class CorrectionKind(models.TextChoices):
    """What a correction has changed."""

    PATIENT = "patient", _("Patient")
    MERGE = "merge", _("Records of one patient merged")
    ACCESSION = "accession", _("Accession number")
    VIEW = "view", _("View")
    STUDY_DATE = "study-date", _("Study date")
    BIRTH_DATE = "birth-date", _("Birth date")
    WITHDRAW = "withdraw", _("Case withdrawn")
    REINSTATE = "reinstate", _("Case reinstated")
