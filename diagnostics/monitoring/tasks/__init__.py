"""The Celery tasks of monitoring."""

from diagnostics.monitoring.tasks.shadow import score as score
