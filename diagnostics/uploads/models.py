"""The table of staged uploads: one row per file that a user has chosen and not yet sent, or just sent."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.models import Site
from diagnostics.cases.models import Case, Priority, QualityCode, View


class StagedStatus(models.TextChoices):
    """How far a staged upload is."""

    RECEIVED = "received", _("Received")  # not checked yet
    CHECKED = "checked", _("Ready")
    REFUSED = "refused", _("Refused")  # not a readable radiograph; its file is deleted
    SENT = "sent", _("Sent")  # it has a case; its file is deleted


class StagedUpload(models.Model):
    """One file of a user's upload list; its files are named after this row's id. It lives for a day."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="staged_uploads"
    )
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=255)  # of the file on the user's computer; shown to the owner only
    size = models.PositiveBigIntegerField()  # bytes
    staged_at = models.DateTimeField()
    status = models.CharField(max_length=8, choices=StagedStatus.choices, default=StagedStatus.RECEIVED)
    header = models.JSONField(default=dict)  # what the file says; see identity.py
    quality_code = models.CharField(max_length=24, choices=QualityCode.choices, blank=True, default="")
    problem_code = models.CharField(max_length=40, blank=True, default="")
    problem = models.CharField(max_length=300, blank=True, default="")  # why it was refused, for the owner
    # The fields of the case, from the file or typed.
    patient_ref = models.CharField(_("patient reference"), max_length=64, blank=True, default="")
    accession_number = models.CharField(_("accession number"), max_length=64, blank=True, default="")
    view = models.CharField(max_length=8, choices=View.choices, blank=True, default="")
    priority = models.CharField(max_length=8, choices=Priority.choices, blank=True, default="")
    details = models.JSONField(default=dict)  # typed: name, birth date, sex, study date, referrer, question
    # Why the typed fields are right although the file says otherwise.
    mismatch_reason = models.CharField(_("reason"), max_length=200, blank=True, default="")
    case = models.ForeignKey(Case, null=True, on_delete=models.PROTECT, related_name="+")
    opened_case = models.BooleanField(default=False)  # False for a duplicate, whose case was there before

    class Meta:
        ordering = ["staged_at", "pk"]
        indexes = [models.Index(fields=["owner", "staged_at"]), models.Index(fields=["staged_at"])]
        constraints = [
            models.CheckConstraint(
                condition=Q(case__isnull=False, status=StagedStatus.SENT.value)
                | Q(case=None) & ~Q(status=StagedStatus.SENT.value),
                name="sent_upload_has_its_case",
            )
        ]

    def lock(self) -> bool:
        """Lock the row until the transaction ends, and read it again; False if it has been removed."""
        if not StagedUpload.objects.select_for_update().filter(pk=self.pk).exists():
            return False
        self.refresh_from_db()
        return True

    def write(self, *columns: str) -> None:
        """Write columns of a row that may have been removed meanwhile; then nothing is written."""
        values = {name: getattr(self, name) for name in columns}
        StagedUpload.objects.filter(pk=self.pk).update(**values)
