"""The append-only record of what happened."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Action(models.TextChoices):
    LOGGED_IN = "logged-in", _("logged in")
    LOGGED_OUT = "logged-out", _("logged out")
    LOGIN_REFUSED = "login-refused", _("was refused at login")
    PASSWORD_CHANGED = "password-changed", _("changed the password")
    TOKEN_CREATED = "token-made", _("made an API token")
    TOKEN_REVOKED = "token-revoked", _("revoked the API token")
    CASE_OPENED = "case-opened", _("opened a case")
    CASE_VIEWED = "case-viewed", _("viewed a case")
    IMAGE_VIEWED = "image-viewed", _("viewed a radiograph")
    CASE_CLASSIFIED = "case-classified", _("classified a case")
    CLASSIFICATION_FAILED = "classification-failed", _("failed to classify a case")
    CASE_RETRIED = "case-retried", _("asked for a new classification")
    CONFLICT_FOUND = "conflict-found", _("uploaded a radiograph known under another patient")
    READING_CLAIMED = "reading-claimed", _("took a case for reading")
    READING_RELEASED = "reading-released", _("gave a case back")
    READING_SIGNED = "reading-signed", _("signed a reading")
    READING_AMENDED = "reading-amended", _("amended a reading")
    SIGNATURE_UNDONE = "reading-taken-back", _("took a reading back at once")
    PCR_RECORDED = "pcr-recorded", _("entered an RT-PCR result")
    PRIORITY_CHANGED = "priority-changed", _("changed how urgent a case is")
    CASE_EXPORTED = "case-exported", _("exported a case")
    CASE_ASSIGNED = "case-assigned", _("assigned a case to a reader")
    CLAIM_ENDED = "claim-ended", _("freed a case that a reader held")
    SECOND_OPINION_REQUESTED = "second-opinion-asked", _("asked for a second opinion")
    READING_POLICY_CHANGED = "reading-policy-changed", _("changed how a site reads")
    REFERENCE_CASE_SET = "gold-case-set", _("said what is known to be true of a radiograph")
    REFERENCE_CASE_RETIRED = "gold-case-retired", _("retired a gold case")
    CONTROL_CASE_ADDED = "known-radiograph-mixed-in", _("put a known radiograph among a reader's")
    IMPORT_STARTED = "import-started", _("started an import")
    IMPORT_STOPPED = "import-stopped", _("asked an import to stop")
    IMPORT_FINISHED = "import-finished", _("finished an import")
    IMPORT_FAILED = "import-failed", _("failed an import")
    RUN_STARTED = "run-started", _("started a training run")
    RUN_STOPPED = "run-stopped", _("asked a training run to stop")
    RUN_FINISHED = "run-finished", _("finished a training run")
    RUN_FAILED = "run-failed", _("failed a training run")
    SCHEDULE_CHANGED = "schedule-changed", _("changed the training schedule")
    SCHEDULE_EVALUATED = "schedule-considered", _("left a scheduled training run out")
    VERSION_REGISTERED = "version-registered", _("registered a model version")
    VERSION_PROMOTED = "version-promoted", _("promoted a model version")


class AuditEvent(models.Model):
    """One line of the record; `by` is empty when a worker or the clock acted."""

    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=32, choices=Action.choices)
    target_kind = models.CharField(max_length=40, blank=True)
    target_id = models.CharField(max_length=40, blank=True)
    detail = models.JSONField(default=dict, blank=True)  # never a patient's reference

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["target_kind", "target_id"]),
            models.Index(fields=["action", "-at"]),
        ]
