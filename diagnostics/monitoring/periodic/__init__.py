"""The periodic tasks of monitoring, one module a subject; Celery finds them through this package."""

from diagnostics.monitoring.periodic.monitoring import watch as watch
from diagnostics.monitoring.periodic.shadow import advance_shadow_runs as advance_shadow_runs
