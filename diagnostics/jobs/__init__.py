"""Background jobs as rows: claim, lease, heartbeat, requeue, enqueue, metrics."""
