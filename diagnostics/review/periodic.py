"""The periodic task of reviews."""

from __future__ import annotations

from celery import shared_task

from diagnostics.review.services import case_counts, kept_figures


@shared_task(name="review.sum_up_counts", ignore_result=True)
def sum_up_counts() -> None:
    """Sum up the changes in the numbers of cases."""
    case_counts.sum_up()


@shared_task(name="review.recount_figures", ignore_result=True)
def recount_figures() -> None:
    """Count changed cases again, few at a time, because the same worker computes predictions."""
    kept_figures.recount_some()
