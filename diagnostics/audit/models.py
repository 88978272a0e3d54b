"""The audit event and its actions."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Action(models.TextChoices):
    """What was done; the text continues a sentence that begins with the user's name."""

    LOGGED_IN = "logged-in", _("logged in")
    LOGGED_OUT = "logged-out", _("logged out")
    LOGIN_FAILED = "login-failed", _("failed to log in")
    PASSWORD_CHANGED = "password-changed", _("changed the password")
    TOKEN_CREATED = "token-created", _("created an API token")
    TOKEN_REVOKED = "token-revoked", _("revoked the API token")
    CASE_OPENED = "case-opened", _("opened a case")
    CASE_VIEWED = "case-viewed", _("viewed a case")
    IMAGE_VIEWED = "image-viewed", _("viewed the image of a case")
    PREDICTION_STORED = "prediction-stored", _("stored an AI result")
    PREDICTION_FAILED = "prediction-failed", _("failed to compute an AI result")
    PREDICTION_REQUESTED = "prediction-requested", _("requested a new AI result")
    PATIENT_CONFLICT_FOUND = (
        "patient-conflict-found",
        _("uploaded an image already stored for another patient"),
    )
    CASE_CLAIMED = "case-claimed", _("claimed a case for reading")
    CASE_RELEASED = "case-released", _("released a case")
    READING_SIGNED = "reading-signed", _("signed a reading")
    READING_AMENDED = "reading-amended", _("amended a reading")
    SIGNATURE_UNDONE = "signature-undone", _("undid a signature")
    PCR_RECORDED = "pcr-recorded", _("entered an RT-PCR result")
    PRIORITY_CHANGED = "priority-changed", _("changed the priority of a case")
    CASE_EXPORTED = "case-exported", _("exported a case")
    CASE_ASSIGNED = "case-assigned", _("assigned a case to a reader")
    CLAIM_ENDED = "claim-ended", _("ended the claim of a reader")
    SECOND_OPINION_REQUESTED = "second-opinion-requested", _("requested a second opinion")
    READING_POLICY_CHANGED = "reading-policy-changed", _("changed the reading policy of a site")
    REFERENCE_CASE_SET = "reference-case-set", _("set the reference standard of a case")
    REFERENCE_CASE_RETIRED = "reference-case-retired", _("retired a reference case")
    CONTROL_CASE_ADDED = "control-case-added", _("added a control case to a worklist")
    IMPORT_STARTED = "import-started", _("started an import")
    IMPORT_STOP_REQUESTED = "import-stop-requested", _("requested the stop of an import")
    IMPORT_FINISHED = "import-finished", _("finished an import")
    IMPORT_FAILED = "import-failed", _("stopped an import after an error")
    RUN_STARTED = "run-started", _("started a training run")
    RUN_STOP_REQUESTED = "run-stop-requested", _("requested the stop of a training run")
    RUN_FINISHED = "run-finished", _("finished a training run")
    RUN_FAILED = "run-failed", _("stopped a training run after an error")
    RUN_RESUMED = "run-resumed", _("resumed a training run from its checkpoint")
    CHECKPOINTS_DISCARDED = "checkpoints-discarded", _("discarded the checkpoints of a training run")
    SCHEDULE_CHANGED = "schedule-changed", _("changed the training schedule")
    SCHEDULED_RUN_SKIPPED = "scheduled-run-skipped", _("skipped a scheduled training run")
    VERSION_REGISTERED = "version-registered", _("registered a model version")
    VERSION_PROMOTED = "version-promoted", _("promoted a model version")
    FILE_DAMAGED = "file-damaged", _("found a stored file missing or damaged")
    FILES_RESTORED = "files-restored", _("restored stored files of a case")
    FILES_SWEPT = "files-swept", _("deleted files that no row names")
    CASES_LISTED = "cases-listed", _("listed cases")
    CASES_SEARCHED = "cases-searched", _("searched for cases")
    READINGS_EXPORTED = "readings-exported", _("exported first readings")
    EXCLUSIONS_EXPORTED = "exclusions-exported", _("exported the excluded files of an import")
    ACCOUNT_CREATED = "account-created", _("created an account")
    ACCOUNT_CHANGED = "account-changed", _("changed an account")
    SITE_CREATED = "site-created", _("created a site")
    SITE_CHANGED = "site-changed", _("changed a site")
    AUDIT_EXPORTED = "audit-exported", _("exported the audit log")
    AUDIT_PRUNED = "audit-pruned", _("removed expired events from the audit log")
    TOKENS_ENDED = "tokens-ended", _("ended the API tokens of an account")
    LOGIN_LIMITED = "login-limited", _("reached the limit of failed logins")
    ACCOUNT_UNLOCKED = "account-unlocked", _("unlocked the login of an account")
    ACCESS_ENDED = "access-ended", _("ended all sessions and API tokens of an account")
    PASSWORD_LINK_CREATED = "password-link-created", _("created a password link for an account")
    PASSWORD_RESET = "password-reset", _("set a new password with a password link")
    FACTOR_ADDED = "factor-added", _("added a second factor")
    FACTOR_REMOVED = "factor-removed", _("removed a second factor")
    FACTOR_FAILED = "factor-failed", _("failed to give the second factor")
    FACTORS_RESET = "factors-reset", _("reset the second factor of an account")
    RECOVERY_CODES_CREATED = "recovery-codes-created", _("created recovery codes")
    RECOVERY_CODE_USED = "recovery-code-used", _("used a recovery code")
    ACCESS_POLICY_CHANGED = "access-policy-changed", _("changed the access policy of a site")
    PATIENT_EXPORTED = "patient-exported", _("exported the data of a patient")
    PATIENT_ERASED = "patient-erased", _("erased a patient")
    RETENTION_RULE_CHANGED = "retention-rule-changed", _("changed the retention rule of a site")
    RETENTION_APPLIED = "retention-applied", _("erased data after their retention period")
    PREDICTION_STOPPED = "prediction-stopped", _("stopped an AI result at the quality gate")
    QUALITY_GATE_OVERRIDDEN = "quality-gate-overridden", _("requested an AI result despite the quality gate")
    IDENTITY_CHOSEN = "identity-chosen", _("chose between form and file where they contradict")
    IDENTITY_CONFLICT_FOUND = "identity-conflict-found", _("uploaded a contradiction to an earlier record")
    IDENTITY_CONFLICT_VIEWED = "identity-conflict-viewed", _("viewed an identity conflict")
    IDENTITY_CONFLICT_RESOLVED = "identity-conflict-resolved", _("resolved an identity conflict")
    CASE_CORRECTED = "case-corrected", _("corrected a case")
    CASE_WITHDRAWN = "case-withdrawn", _("withdrew a case")
    CASE_REINSTATED = "case-reinstated", _("reinstated a case")
    PATIENTS_MERGED = "patients-merged", _("merged two records of a patient")
    REPORT_VIEWED = "report-viewed", _("viewed the report of a case")
    REPORT_EXPORTED = "report-exported", _("exported the report of a case as PDF")
    SESSIONS_ENDED = "sessions-ended", _("ended the other sessions of the own account")
    PATIENT_LOOKED_UP = "patient-looked-up", _("looked up what is stored about a patient")
    WEBHOOK_CHANGED = "webhook-changed", _("changed or tested a webhook endpoint")
    FHIR_READ = "fhir-read", _("read cases as FHIR resources")
    SIGN_ON_LINKED = "sign-on-linked", _("linked an account to the identity provider")
    SIGN_ON_REFUSED = "sign-on-refused", _("refused a login of the identity provider")
    RUN_EXPORTED = "run-exported", _("exported a training run to MLflow")
    SNAPSHOT_EXPORTED = "snapshot-exported", _("downloaded the snapshot of a training run")
    INSTANCE_RECEIVED = "instance-received", _("sent a DICOM instance")
    INSTANCE_REFUSED = "instance-refused", _("sent a DICOM instance that was refused")
    DICOM_NODE_CHANGED = "dicom-node-changed", _("changed a DICOM node")
    DICOM_JOB_FAILED = "dicom-job-failed", _("failed to complete the exchange with a DICOM node")
    RESULT_SENT = "result-sent", _("sent an AI result to a DICOM node")
    RESULT_RETRIED = "result-retried", _("retried the delivery of an AI result")
    NODE_QUERIED = "node-queried", _("searched a DICOM node for studies")
    STUDY_RETRIEVED = "study-retrieved", _("requested a study from a DICOM node")
    ALERT_RAISED = "alert-raised", _("raised an alert of monitoring")
    ALERT_ACKNOWLEDGED = "alert-acknowledged", _("acknowledged an alert of monitoring")
    ALERT_CLOSED = "alert-closed", _("closed an alert of monitoring")
    SHADOW_STARTED = "shadow-started", _("started a shadow run")
    SHADOW_ENDED = "shadow-ended", _("ended a shadow run")
    SHADOW_SCORE_FAILED = "shadow-score-failed", _("failed to score a case in a shadow run")
    CASE_SELECTED = "case-selected", _("selected a case for the active-learning queue")
    VERSION_EVIDENCE_EXPORTED = "version-evidence-exported", _("exported the evidence pack of a version")
    CASE_EVIDENCE_EXPORTED = "case-evidence-exported", _("exported the evidence pack of a case")
    DEIDENTIFIED_RECEIVED = "deidentified-received", _("sent a DICOM instance that was de-identified")
    DEIDENTIFIED_EXPORTED = "deidentified-exported", _("exported a case as de-identified DICOM")
    DEIDENTIFICATION_CHANGED = "deidentification-changed", _("changed the de-identification of a site")


class AuditEvent(models.Model):
    """One event; `by` is empty for the actions of workers and periodic tasks.

    Triggers refuse every change but one: sealing sets `position` and `hash`, once.
    """

    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=32, choices=Action.choices)
    target_kind = models.CharField(max_length=40, blank=True)
    target_id = models.CharField(max_length=40, blank=True)
    site = models.UUIDField(null=True, blank=True)  # no key: Site belongs to an app above this one
    detail = models.JSONField(default=dict, blank=True)  # never a patient reference
    position = models.BigIntegerField(null=True, blank=True)  # in the hash chain, from 1 without gaps
    hash = models.CharField(max_length=64, blank=True, default="", db_default="")

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["target_kind", "target_id"]),
            models.Index(fields=["action", "-at"]),
            models.Index(fields=["at"]),
            models.Index(fields=["id"], condition=Q(position=None), name="audit_unsealed"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["position"], condition=Q(position__isnull=False), name="one_event_per_position"
            )
        ]


class AuditCheckpoint(models.Model):
    """The end of the events that retention removed; the chain continues after its position."""

    position = models.BigIntegerField(unique=True)
    hash = models.CharField(max_length=64)
    events = models.BigIntegerField()
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200)
