"""The periodic tasks of monitoring."""

from diagnostics.monitoring.periodic.shadow import advance_shadow_runs as advance_shadow_runs
