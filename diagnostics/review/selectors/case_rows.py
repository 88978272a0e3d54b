"""The rows of cases from which the kept figures are counted; a fixed number of queries for many cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.selectors.predictions import IS_DONE
from diagnostics.imports.models import ImportedLabel
from diagnostics.review.models import (
    AssistedReading,
    Claim,
    Consensus,
    ControlCase,
    ReferenceCase,
    ServedReason,
)
from diagnostics.review.selectors.readings import standing_readings

Row = dict[str, Any]


@dataclass
class CaseRows:
    """The rows of one case; readings are the standing ones, predictions those done, both the oldest first."""

    case: Row
    readings: list[Row] = field(default_factory=list)
    consensus: Row = field(default_factory=dict)
    imported: list[Row] = field(default_factory=list)
    assisted: list[Row] = field(default_factory=list)
    predictions: list[Row] = field(default_factory=list)
    is_random: bool = False  # a claim on it was served at random
    has_reference_pixels: bool = False  # those of a reference case of any site
    purpose: str = ""  # of a control case
    reference: str | None = None  # finding of a reference case
    original: CaseRows | None = None  # of a control case

    @property
    def is_original(self) -> bool:
        return self.case["copy_of"] is None


def with_copies(cases: Collection[UUID]) -> set[UUID]:
    """Return cases and their control copies, whose figures depend on the readings of the original."""
    return {*cases, *Case.objects.filter(copy_of__in=cases).order_by().values_list("pk", flat=True)}


def rows_of(cases: Collection[UUID]) -> dict[UUID, CaseRows]:
    """Return the rows of those of the cases that exist."""
    loaded = {row["id"]: CaseRows(row) for row in _cases(cases)}
    wanted = set(loaded)
    originals = {each.case["copy_of"] for each in loaded.values()} - {None, *loaded}
    loaded |= {row["id"]: CaseRows(row) for row in _cases(originals)} if originals else {}
    _add_facts(loaded)
    _add_lists(loaded)
    for each in loaded.values():
        each.original = loaded.get(each.case["copy_of"])
    return {pk: loaded[pk] for pk in wanted}


def _cases(cases: Collection[UUID]) -> QuerySet[Case, Row]:
    columns = ("id", "site", "patient_ref", "copy_of", "on_worklist", "priority")
    times = ("withdrawn_at", "opened_at", "finalized_at")
    radiograph = ("radiograph__view", "radiograph__sex", "radiograph__pixel_sha256")
    return Case.objects.filter(pk__in=cases).order_by().values(*columns, *times, *radiograph)


def _add_facts(loaded: dict[UUID, CaseRows]) -> None:
    for row in Consensus.objects.filter(case__in=loaded).values("case", "status", "finding"):
        loaded[row["case"]].consensus = dict(row)
    random = Claim.objects.filter(case__in=loaded, served=ServedReason.RANDOM).order_by()
    for case in random.values_list("case", flat=True):
        loaded[case].is_random = True
    for case, purpose in ControlCase.objects.filter(case__in=loaded).values_list("case", "purpose"):
        loaded[case].purpose = purpose
    for case, finding in ReferenceCase.objects.filter(case__in=loaded).values_list("case", "finding"):
        loaded[case].reference = finding
    pixels = set(ReferenceCase.objects.values_list("case__radiograph__pixel_sha256", flat=True))  # few
    for each in loaded.values():
        each.has_reference_pixels = each.case["radiograph__pixel_sha256"] in pixels


def _add_lists(loaded: dict[UUID, CaseRows]) -> None:
    readings = standing_readings().filter(case__in=loaded).order_by("signed_at", "pk")
    for case, rows in _by_case(readings, "id", "by", "kind", "finding", "signed_at", "supersedes"):
        loaded[case].readings = rows
    labels = ImportedLabel.objects.filter(case__in=loaded).order_by("imported_at", "pk")
    for case, rows in _by_case(labels, "id", "finding", "source"):
        loaded[case].imported = rows
    assisted = AssistedReading.objects.filter(reading__case__in=loaded, reading__withdrawn_at=None)
    columns = ("reading__by", "reading__finding", "prediction__finding", "finding")
    for case, rows in _by_case(assisted, *columns, case="reading__case"):
        loaded[case].assisted = rows
    read = [pk for pk, each in loaded.items() if each.readings or each.is_random]
    done = Prediction.objects.filter(IS_DONE, case__in=read).order_by("queued_at")
    for case, rows in _by_case(done, "outcome", "finding", "probabilities", "operating_points"):
        loaded[case].predictions = rows


def _by_case(rows: QuerySet[Any], *columns: str, case: str = "case") -> Iterable[tuple[UUID, list[Row]]]:
    grouped: dict[UUID, list[Row]] = defaultdict(list)
    for row in rows.values(case, *columns):
        grouped[row[case]].append(row)
    return grouped.items()
