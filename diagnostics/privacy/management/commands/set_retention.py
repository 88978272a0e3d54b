"""`manage.py set_retention`: for how many years a site keeps its data."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from diagnostics.errors import DomainError
from diagnostics.privacy.management.arguments import add_site_and_user, site_named, user_named
from diagnostics.privacy.services import retention


class Command(BaseCommand):
    help = "Set for how many years a site keeps its data. What is not given is kept without limit."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the periods, the site and the user."""
        parser.add_argument("--case-years", type=int, help="cases with everything that belongs to them")
        parser.add_argument(
            "--replaced-prediction-years",
            type=int,
            help="AI results that a newer one has replaced and that no reader has seen",
        )
        add_site_and_user(parser)

    def handle(self, *args: Any, by: str, site: str, **options: Any) -> None:
        """Set the rule; nothing is deleted before `apply_retention`."""
        try:
            place = site_named(site)
            rule = retention.set_rule(
                site=place,
                case_years=options["case_years"],
                replaced_prediction_years=options["replaced_prediction_years"],
                by=user_named(by),
                now=timezone.now(),
            )
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{place}: cases {_period(rule.case_years)}, "
            f"replaced AI results {_period(rule.replaced_prediction_years)}."
        )


def _period(years: int | None) -> str:
    return "without limit" if years is None else f"for {years} years"
