"""What a radiograph may be said to show: one list for people and machines."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Finding(TextChoices):
    """A reader's answer; the first four are also what a network may be taught."""

    COVID_19 = "covid-19", _("COVID-19")
    PNEUMONIA = "pneumonia", _("Pneumonia, other")
    NORMAL = "normal", _("Normal")
    OTHER = "other", _("Other abnormality")
    CANNOT_JUDGE = "cannot-judge", _("Cannot judge")


LEARNABLE = (Finding.COVID_19, Finding.PNEUMONIA, Finding.NORMAL, Finding.OTHER)
