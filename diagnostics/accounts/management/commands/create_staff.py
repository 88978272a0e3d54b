"""`manage.py create_staff`: the first administrator, or anyone else, from the command line."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from diagnostics.accounts import services
from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Role


class Command(BaseCommand):
    help = "Give a member of staff an account at the default site; the password is asked for, or piped in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the person and the role."""
        parser.add_argument("username")
        parser.add_argument("--role", choices=Role.values, required=True)

    @transaction.atomic
    def handle(self, *args: Any, username: str, role: str, **options: Any) -> None:
        """Check the password as the pages do, then hire."""
        if User.objects.filter(username=username).exists():
            raise CommandError(f"{username} has an account already.")
        password = getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        try:
            validate_password(password, User(username=username))
        except ValidationError as refusal:
            raise CommandError(" ".join(refusal.messages)) from refusal
        site = services.main_site()
        services.create_staff(
            username=username, password=password, role=role, sites=[site], now=timezone.now()
        )
        self.stdout.write(f"{username} is {role} at {site}.")
