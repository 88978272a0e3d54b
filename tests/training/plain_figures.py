"""The kept figures counted plainly: one case, reading or label after another, from the tables themselves.

Withdrawn cases count in none of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from itertools import combinations
from typing import Any
from uuid import UUID

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case, Prediction
from diagnostics.findings import TRAINABLE_FINDINGS
from diagnostics.imports.models import ImportedLabel
from diagnostics.review.models import AssistedReading, Claim, Consensus, Reading
from diagnostics.review.selectors.training_labels import training_readings
from diagnostics.training.selectors import labels


def class_counts() -> dict[str, tuple[int, int]]:
    """Return the cases and patients with a training label by finding."""
    cases: Counter[str] = Counter()
    patients: dict[str, set[tuple[UUID, str]]] = defaultdict(set)
    for label in _labels():
        cases[label.finding] += 1
        patients[label.finding].add((label.case.site_id, label.case.patient_ref))
    return {finding: (cases[finding], len(patients[finding])) for finding in TRAINABLE_FINDINGS}


def preview_counts() -> dict[str, dict[str, int]]:
    """Return the training labels by source, view and sex."""
    counts: dict[str, Counter[str]] = {"source": Counter(), "view": Counter(), "sex": Counter()}
    for label in _labels():
        is_imported = isinstance(label, ImportedLabel)
        counts["source"][label.source if is_imported else label.case.site.name] += 1
        counts["view"][label.case.radiograph.view] += 1
        counts["sex"][label.case.radiograph.sex] += 1
    return {name: dict(values) for name, values in counts.items()}


def new_final_findings(since: datetime) -> int:
    """Return the signed training labels that became final after a time."""
    signed = list(training_readings())
    return sum(each.signed_at > since or (each.case.finalized_at or since) > since for each in signed)


def read_cases(user: User) -> list[dict[str, str]]:
    """Return reader -> finding of the first readings of each case that several have read."""
    by_case: dict[UUID, dict[str, str]] = defaultdict(dict)
    for reading in _first_readings(user).filter(kind="reading", case__copy_of=None):
        by_case[reading.case_id][reading.by.username] = reading.finding
    return [readers for readers in by_case.values() if len(readers) > 1]


def pairs(user: User) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Return the findings of each pair of readers."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for readers in read_cases(user):
        for first, second in combinations(sorted(readers), 2):
            found[first, second].append((readers[first], readers[second]))
    return found


def control_readings(user: User, purpose: str) -> dict[str, list[tuple[str | None, str]]]:
    """Return for each reader the reference standard or earlier finding, and the finding, of control cases."""
    found: dict[str, list[tuple[str | None, str]]] = defaultdict(list)
    readings = Reading.objects.standing().filter(supersedes=None, case__control_case__purpose=purpose)
    for reading in readings.filter(case__copy_of__site__in=user.sites.all(), case__withdrawn_at=None):
        original = reading.case.copy_of
        assert original is not None
        if purpose == "reference":
            known: str | None = original.reference_case.finding
        else:
            earlier = Reading.objects.standing().filter(case=original, by=reading.by, supersedes=None).first()
            known = earlier.finding if earlier else None
        found[reading.by.username].append((known, reading.finding))
    return found


def assisted(user: User) -> Counter[tuple[str, str, str, str]]:
    """Return the assisted readings by first reading, AI result, finding and final finding."""
    found: Counter[tuple[str, str, str, str]] = Counter()
    rows = AssistedReading.objects.filter(reading__withdrawn_at=None, reading__case__copy_of=None)
    rows = rows.filter(reading__case__withdrawn_at=None)
    for row in rows.filter(reading__case__site__in=user.sites.all()):
        case, by = row.reading.case, row.reading.by
        consensus = Consensus.objects.filter(case=case, status="final").first()
        others = Reading.objects.standing().filter(case=case).exclude(by=by).exists()
        final = consensus.finding if consensus and others else ""
        found[row.reading.finding, row.prediction.finding, row.finding, final] += 1
    return found


def random_cases(user: User) -> Counter[tuple[bool, bool]]:
    """Return the randomly drawn final cases by whether they are COVID-19 and whether the AI flags them."""
    found: Counter[tuple[bool, bool]] = Counter()
    drawn = set(Claim.objects.filter(served="random", case__copy_of=None).values_list("case", flat=True))
    final = Consensus.objects.filter(case__in=drawn, status="final").exclude(finding="cannot-judge")
    for consensus in final.filter(case__site__in=user.sites.all(), case__withdrawn_at=None):
        done = Prediction.objects.filter(case=consensus.case_id, status="done").order_by("queued_at")
        scored = [each for each in done if "covid-19" in each.probabilities]
        if scored:
            limit = scored[-1].operating_points.get("covid-19", 0.5)
            found[consensus.finding == "covid-19", scored[-1].probabilities["covid-19"] >= limit] += 1
    return found


def ai_agreement(user: User, start: datetime, end: datetime) -> tuple[int, int]:
    """Return how many first readings of a period have the finding of the AI result, and of how many."""
    same = total = 0
    readings = _first_readings(user).filter(kind="reading", case__copy_of=None)
    for reading in readings.exclude(finding="cannot-judge"):
        done = Prediction.objects.filter(case=reading.case_id, status="done", outcome__in=("", "finding"))
        newest = done.exclude(finding="").order_by("-queued_at").first()
        if newest and start <= reading.signed_at <= end:
            same, total = same + (newest.finding == reading.finding), total + 1
    return same, total


def waiting_cases(user: User, priority: str, now: datetime) -> tuple[int, int]:
    """Return the cases of a priority that wait for a reading, and how many of them are overdue."""
    waiting = Case.objects.filter(site__in=user.sites.all(), priority=priority, shown_only_to=None)
    waiting = waiting.filter(finalized_at=None, on_worklist=True, withdrawn_at=None)
    return waiting.count(), sum(case.due_at < now for case in waiting)


def turnaround(user: User, start: datetime, end: datetime, *, is_stat: bool) -> list[float]:
    """Return the minutes from upload to final finding."""
    final = Case.objects.filter(site__in=user.sites.all(), shown_only_to=None, on_worklist=True)
    final = final.filter(withdrawn_at=None, finalized_at__gte=start, finalized_at__lte=end)
    return [
        (case.finalized_at - case.opened_at).total_seconds() / 60
        for case in final
        if case.finalized_at and (case.priority == "stat") == is_stat
    ]


def _labels() -> list[Any]:
    return [*training_readings(), *labels.imported_labels()]


def _first_readings(user: User) -> Any:
    readings = Reading.objects.standing().filter(supersedes=None, case__withdrawn_at=None)
    return readings.filter(case__site__in=user.sites.all())
