"""The periodic tasks of integrations, one module a subject; Celery finds them through this package."""

from diagnostics.integrations.periodic.dicom import queue_and_requeue as queue_and_requeue
from diagnostics.integrations.periodic.webhooks import collect_and_requeue as collect_and_requeue
