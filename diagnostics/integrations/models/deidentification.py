"""How a site de-identifies DICOM files."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.models import Site


class DeidentificationPolicy(models.Model):
    """What is removed from the files of a site; a site without a row has the default values."""

    site = models.OneToOneField(Site, on_delete=models.CASCADE, primary_key=True, related_name="+")
    at_reception = models.BooleanField(
        _("de-identify received DICOM files before they are stored"),
        default=False,
        help_text=_("For research sites: who the patient was cannot be found out from Readroom any more."),
    )
    shift_dates = models.BooleanField(
        _("shift dates instead of removing them"),
        default=False,
        help_text=_("All dates of a patient are shifted by the same number of days, which is secret."),
    )
    black_text = models.BooleanField(
        _("black out burned-in text"),
        default=True,
        help_text=_("Also side markers: text of a patient cannot be told from them."),
    )
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    changed_at = models.DateTimeField(null=True)
