"""Export a training run to MLflow."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from diagnostics.errors import DomainError
from diagnostics.training.selectors import runs
from diagnostics.training.services import mlflow_export


class Command(BaseCommand):
    """Write parameters, curves, test results and reports of a run into an MLflow store."""

    help = "Export a training run to MLflow: a folder, or the address of a tracking server."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the number of the run and the store."""
        parser.add_argument("run", type=int, help="number of the run")
        parser.add_argument("store", help="folder, or the address of a tracking server")

    def handle(self, *args: Any, **options: Any) -> None:
        """Export the run; raise CommandError with the reason where that is impossible."""
        run = runs.runs().filter(number=options["run"]).first()
        if run is None:
            raise CommandError(f"There is no training run {options['run']}.")
        try:
            store, now = options["store"], timezone.now()
            exported = mlflow_export.export(run=run, store=store, by=None, now=now)
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Exported run {run.number} as {exported}.")
