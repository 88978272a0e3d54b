"""What the comparison came to, and the one thing it cannot see: a finding the candidate does not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from diagnostics.findings import Finding
from diagnostics.registry.models import Verdict
from ml.dataset import LeftOut


@dataclass(frozen=True)
class Judgement:
    """What is kept of a comparison with the version in force."""

    comparison: dict[str, Any]
    verdict: str
    reason: str


ALONE = Judgement({}, Verdict.NONE.value, "")


def judge(comparison: Mapping[str, Any], *, knows: Sequence[str], must_know: Sequence[str]) -> Judgement:
    """Take over the verdict of ml, unless the candidate has lost a finding of the version in force."""
    found = dict(comparison)
    lost = [label for label in must_know if label not in knows]
    if not lost:
        return Judgement(found, str(found["verdict"]), str(found["reason"]))
    words = ", ".join(str(Finding(label).label) if label in Finding.values else label for label in lost)
    reason = _("The candidate cannot tell %(findings)s, which the version in force can.") % {
        "findings": words
    }
    rule = {"name": "findings", "outcome": "broken", "detail": reason}
    found |= {"rules": [*found.get("rules", []), rule], "verdict": Verdict.REJECT.value, "reason": reason}
    return Judgement(found, Verdict.REJECT.value, reason)


def left_out(films: Sequence[LeftOut], *, missing: int) -> dict[str, dict[str, int]]:
    """Count the films that took no part: why -> {cases, patients}."""
    cases = Counter(item.reason for item in films)
    counted = {
        why: {"cases": n, "patients": len({item.film.patient for item in films if item.reason == why})}
        for why, n in cases.items()
    }
    # The patients of films that are gone are not counted: the snapshot does not name them.
    return counted | ({"film_missing": {"cases": missing, "patients": 0}} if missing else {})
