"""Celery's settings: queues, routes, periodic tasks, and the options of each broker."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from celery.schedules import schedule

from webapp import filesystem_transport
from webapp.steady_time import steady_now

QUEUES = ("stat", "inference", "training", "maintenance")
DICOM_TASKS = ("integrations.send_result", "integrations.report_commitment", "integrations.retrieve_study")
ONE_WEEK = 7 * 24 * 3600  # seconds
NEVER = 10**9  # tasks

BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    task: {
        "task": task,
        "schedule": schedule(seconds, nowfun=steady_now),
        "last_run_at": datetime.fromtimestamp(0, UTC),  # due as soon as the scheduler starts
        "options": {"queue": "maintenance", "expires": seconds},
    }
    for task, seconds in (
        ("cases.requeue_lost", 5.0),
        ("imports.requeue_lost", 10.0),
        ("training.requeue_and_schedule", 10.0),
        ("monitoring.advance_shadow_runs", 5.0),
        ("storage.sweep", 3600.0),
        ("storage.keep_reserve", 30.0),
        ("audit.seal", 30.0),
        ("review.sum_up_counts", 60.0),
        ("review.recount_figures", 5.0),
        ("integrations.queue_and_requeue", 5.0),
        ("integrations.queue_older_results", 3600.0),
        ("monitoring.watch", 300.0),
        ("webhooks.collect_and_requeue", 5.0),
    )
}
# Before all queued predictions, so that a long queue is no missing heartbeat.
BEAT_SCHEDULE["jobs.heartbeats"] = {
    "task": "jobs.heartbeats",
    "schedule": schedule(10.0, nowfun=steady_now),
    "last_run_at": datetime.fromtimestamp(0, UTC),
    "options": {"queue": "stat", "expires": 10.0},
}


def celery_settings(broker_url: str, home: Path, *, shares_home: bool = True) -> dict[str, Any]:
    """Return Celery's settings for Redis, or for the folder `home`/broker when the URL names no Redis.

    Inference workers may have no folder in common with the web process if `shares_home` is false.
    """
    return _common(shares_home=shares_home) | (
        _redis(broker_url) if is_redis(broker_url) else _folder(home / "broker")
    )


def is_redis(broker_url: str) -> bool:
    """Return whether the broker is a Redis server."""
    return broker_url.startswith(("redis://", "rediss://"))


def _common(*, shares_home: bool) -> dict[str, Any]:
    return {
        "task_serializer": "json",
        "accept_content": ["json"],  # not pickle, which can run code
        "task_ignore_result": True,  # the job rows hold the status
        "task_queues": {name: {"exchange": name, "routing_key": name} for name in QUEUES},
        "task_default_queue": "inference",
        "task_create_missing_queues": False,  # a misspelt queue name must raise an error
        "task_routes": {
            "training.train": {"queue": "training"},
            **{task: {"queue": "maintenance"} for task in DICOM_TASKS},
            # Each batch waits behind queued predictions, on a worker that sees the files of the import.
            "imports.import_batch": {"queue": "inference" if shares_home else "maintenance"},
            "webhooks.deliver": {"queue": "maintenance"},
            **{task: {"queue": entry["options"]["queue"]} for task, entry in BEAT_SCHEDULE.items()},
        },
        "task_time_limit": 120,
        "task_soft_time_limit": 100,
        # A page must respond while the broker is down; a periodic task sends the message later.
        "task_publish_retry_policy": {"max_retries": 2, "interval_start": 0.1, "interval_max": 0.5},
        "worker_prefetch_multiplier": 1,
        "worker_proc_alive_timeout": 60,  # importing TensorFlow takes longer than the default of 4 s
        "worker_max_memory_per_child": 3_000_000,  # KiB
        "worker_soft_shutdown_timeout": 8,
        "CELERY_DB_REUSE_MAX": NEVER,  # `webapp.celery` closes only the connections that failed
        "worker_cancel_long_running_tasks_on_connection_loss": False,  # the lease of the job row decides
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "beat_schedule": BEAT_SCHEDULE,
        "beat_max_loop_interval": 5,
        "beat_scheduler": "webapp.scheduler:HeartbeatScheduler",
        "timezone": "UTC",
    }


def _folder(folder: Path) -> dict[str, Any]:
    """Return the settings of a folder as broker.

    Messages are acknowledged early, because late acknowledgement delays prefork workers here by up to 2 s.
    """
    for part in ("messages", "control"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    return {
        "broker_url": f"{filesystem_transport.SCHEME}://localhost//",
        "broker_transport_options": {
            "data_folder_in": str(folder / "messages"),
            "data_folder_out": str(folder / "messages"),
            "control_folder": str(folder / "control"),
            "store_processed": False,
            "polling_interval": 0.02,
        },
        "task_acks_late": False,
        "worker_enable_remote_control": False,  # broadcast files would accumulate for ended workers
    }


def _redis(broker_url: str) -> dict[str, Any]:
    return {
        "broker_url": broker_url,
        "broker_transport_options": {
            # The same for every worker on this Redis and longer than any task: Redis delivers a running
            # task again after this time. Crashes are detected by the lease of the job row.
            "visibility_timeout": ONE_WEEK,
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
            "global_keyprefix": "readroom:",
            "socket_timeout": 10,
            "socket_connect_timeout": 3,
            "health_check_interval": 15,
            "queue_order_strategy": "webapp.queue_cycle:StatFirstCycle",
        },
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,  # safe, because the job row counts its attempts
    }
