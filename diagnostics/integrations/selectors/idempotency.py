"""Stored answers of requests with an idempotency key."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from django.db.models import QuerySet

from diagnostics.integrations.models import IdempotentRequest

IDENTIFIER: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def answers_about(cases: Iterable[UUID]) -> QuerySet[IdempotentRequest]:
    """Return the requests whose address or answer names one of these cases; those of a day are few."""
    wanted = {str(case) for case in cases}
    stored = IdempotentRequest.objects.values_list("pk", "path", "body").iterator()
    named = [pk for pk, path, body in stored if not wanted.isdisjoint(IDENTIFIER.findall(path + body))]
    return IdempotentRequest.objects.filter(pk__in=named)
