"""The periodic task of reviews."""

from __future__ import annotations

from celery import shared_task

from diagnostics.review.services import case_counts


@shared_task(name="review.sum_up_counts", ignore_result=True)
def sum_up_counts() -> None:
    """Sum up the changes in the numbers of cases."""
    case_counts.sum_up()
