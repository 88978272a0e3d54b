"""The Celery tasks of integrations, one module a subject; Celery finds them through this package."""

from diagnostics.integrations.tasks.dicom import report_commitment as report_commitment
from diagnostics.integrations.tasks.dicom import retrieve_study as retrieve_study
from diagnostics.integrations.tasks.dicom import send_result as send_result
from diagnostics.integrations.tasks.webhooks import deliver as deliver
