"""Django's `flush` for tests with real transactions, which end by emptying every table."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import flush

from diagnostics.review.models import CaseCount, ChangedCase, WaitingCount
from tests.append_only import triggers_suspended


class Command(flush.Command):
    """`flush` without the append-only triggers."""

    def handle(self, **options: Any) -> None:
        with triggers_suspended():
            super().handle(**options)
        CaseCount.objects.all().delete()  # SQLite counts each deleted case, also after this table was emptied
        ChangedCase.objects.all().delete()
        WaitingCount.objects.all().delete()
