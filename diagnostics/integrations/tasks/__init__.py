"""The Celery tasks of integrations, one module a subject; Celery finds them through this package."""

from diagnostics.integrations.tasks.webhooks import deliver as deliver
