"""Helpers of the tests of the review pages."""

from __future__ import annotations

import re

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.review.models import Claim
from diagnostics.review.services import claims

# Everything in a page that would reveal the prediction of the fixture `classify`.
AI_RESULT = re.compile(
    r"0\.83|0\.41|0\.11|8317|4129|1121|heat|overlay|v7|AI result|rr-bar|operating", re.IGNORECASE
)
RANDOM = re.compile(r'name="csrfmiddlewaretoken" value="\w+"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')


def without_random_parts(html: str) -> str:
    """Return a page without the parts that differ from request to request."""
    return re.sub(r'data-lease="\d+"|hx-headers=\S+ \S+', "", RANDOM.sub("", html))


def page_of(case: Case) -> str:
    return reverse("review:case", args=[case.pk])


def sign(client: Client, case: Case, then: str = "next", **fields: str):
    form = {"finding": "normal", "confidence": "sure", "note": "", "then": then} | fields
    return client.post(reverse("review:sign", args=[case.pk]), form)


def claim(case: Case, by: User) -> Claim:
    return claims.claim(case=case, by=by, now=timezone.now())


def revealed(html: str) -> list[str]:
    """Return what reveals the AI result in the part of a page that is about the case."""
    main = html[html.index("<main") : html.index("</main>")]
    return AI_RESULT.findall(RANDOM.sub("", main))
