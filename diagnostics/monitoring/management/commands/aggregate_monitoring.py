"""Aggregates days again, for the history before an upgrade or after an erasure."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from diagnostics.monitoring.selectors.days import days_between, first_day
from diagnostics.monitoring.services import aggregation


class Command(BaseCommand):
    help = "Aggregate the predictions and readings of past days again, from the first prediction to today."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", type=date.fromisoformat, metavar="YYYY-MM-DD")
        parser.add_argument("--until", type=date.fromisoformat, metavar="YYYY-MM-DD")

    def handle(self, *_args: Any, **options: Any) -> None:
        now = timezone.now()
        until = options["until"] or timezone.localdate(now)
        since = options["since"] or first_day() or until
        if since > until:
            raise CommandError("--since must not be after --until.")
        days = days_between(since, until)
        rows = sum(aggregation.aggregate_day(day, now=now) for day in days)
        self.stdout.write(f"{len(days)} days, {rows} rows")
