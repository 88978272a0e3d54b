"""The reading policy of a site."""

from __future__ import annotations

from diagnostics.accounts.models import Site
from diagnostics.review.models import ReadingPolicy


def policy_of(site: Site) -> ReadingPolicy:
    """Return the reading policy of a site, or the default one: a single reader for every radiograph."""
    return ReadingPolicy.objects.filter(site=site).first() or ReadingPolicy(site=site)
