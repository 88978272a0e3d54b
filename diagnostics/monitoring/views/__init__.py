"""Pages of monitoring, one module a subject."""
