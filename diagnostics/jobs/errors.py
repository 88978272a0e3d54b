"""Errors of background jobs, and the code that each failure is stored with."""

from __future__ import annotations

from celery.exceptions import SoftTimeLimitExceeded


class JobError(Exception):
    """An expected failure of a job; `code` selects the text a user reads."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class LeaseLost(Exception):
    """The job was requeued, failed or claimed again since this claim: nothing may be stored."""


class WorkerStopping(LeaseLost):
    """The worker was asked to stop: the job is released, and another worker continues it."""


def failure_code_of(error: Exception) -> str:
    """Return the failure code of an exception raised in a job; "internal" for an unexpected one."""
    if isinstance(error, JobError):
        return error.code
    if isinstance(error, SoftTimeLimitExceeded):
        return "out_of_time"
    # TensorFlow's error is recognised by name, because this module must not import TensorFlow.
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return "out_of_memory"
    return "internal"
