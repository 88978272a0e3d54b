"""The indexes of the tables of cases and radiographs.

Each list of cases is read from its index alone, in order: it has what selects, orders, identifies and hides
a case. So a page takes as long for a million cases as for a thousand, also where the planner of the database
knows nothing about the rows.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from django.db.models import Index, Q

NO_STUDY_TIME: Final = datetime(1, 1, 1, tzinfo=UTC)  # sorts before all others
OPEN: Final = Q(finalized_at__isnull=True, on_worklist=True, withdrawn_at__isnull=True)  # to read
FINAL: Final = Q(finalized_at__isnull=False, withdrawn_at__isnull=True)
IMPORTED: Final = Q(finalized_at__isnull=True, on_worklist=False, withdrawn_at__isnull=True)
INDEXED_UIDS: Final = ("study_uid", "sop_instance_uid")  # by which other systems ask for a radiograph


def _list_index(name: str, *order: str, condition: Q | None = None) -> Index:
    return Index(fields=["site", *order, "id", "shown_only_to"], name=name, condition=condition)


CASE_INDEXES: Final = [
    _list_index("open_by_due_at", "stat_rank", "due_at", condition=OPEN),
    _list_index("open_by_opened_at", "stat_rank", "opened_at", condition=OPEN),
    _list_index("open_by_accession_number", "stat_rank", "accession_number", condition=OPEN),
    _list_index("open_by_study", "stat_rank", "listed_study_at", condition=OPEN),
    _list_index("open_by_priority", "priority_rank", "due_at", condition=OPEN),
    _list_index("open_by_triage_score", "priority_rank", "-triage_score", "due_at", condition=OPEN),
    _list_index("open_by_id", condition=OPEN),
    _list_index("final_by_time", "finalized_at", condition=FINAL),
    _list_index("imported_by_time", "opened_at", condition=IMPORTED),
    _list_index("case_by_time", "opened_at"),
    _list_index("case_by_accession", "accession_number"),
    _list_index("case_by_study", "listed_study_at"),
    _list_index("case_by_priority", "priority_rank", "opened_at"),
    Index(fields=["site"], condition=Q(withdrawn_at__isnull=False), name="withdrawn_cases"),
    Index(fields=["copy_of"], condition=Q(copy_of__isnull=False), name="control_copies"),
    Index(fields=["site", "patient_ref"]),
]
RADIOGRAPH_INDEXES: Final = [
    *(Index(fields=["site", uid], name=f"radiograph_by_{uid}") for uid in INDEXED_UIDS),
    Index(fields=["site", "view", "case"], name="radiograph_by_view"),
    Index(fields=["site", "study_at", "case"], name="radiograph_by_study_time"),
]
