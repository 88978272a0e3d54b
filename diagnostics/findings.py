"""The findings of readings and predictions."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Finding(TextChoices):
    """The finding of a reading; the first four are also the classes of a model."""

    COVID_19 = "covid-19", _("COVID-19")
    PNEUMONIA = "pneumonia", _("Pneumonia, other")
    NORMAL = "normal", _("Normal")
    OTHER = "other", _("Other abnormality")
    CANNOT_JUDGE = "cannot-judge", _("Cannot judge")


TRAINABLE_FINDINGS = (Finding.COVID_19, Finding.PNEUMONIA, Finding.NORMAL, Finding.OTHER)
