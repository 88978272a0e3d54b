"""Reading final cases as FHIR resources; each request is audited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import latest_done_prediction
from diagnostics.integrations.fhir_search import Search
from diagnostics.integrations.selectors import fhir as selectors
from diagnostics.review.models import ReadingKind
from diagnostics.review.selectors.readings import consensus, readings_of


@dataclass(frozen=True)
class Found:
    """A page of final cases, and whether more follow."""

    cases: list[Any]
    has_more: bool


def read(*, pk: str, kind: str, by: User, now: datetime) -> Any | None:
    """Return a final case of the user's sites, or None; raises NotAllowed."""
    require(by, Permission.FHIR)
    case = selectors.final_cases(by).filter(pk=pk).first()
    if case is not None:
        audit.record(action=Action.FHIR_READ, by=by, target=case, detail={"resource": kind}, now=now)
    return case


def search(*, query: Search, kind: str, by: User, now: datetime) -> Found:
    """Return a page of final cases of the user's sites; raises NotAllowed."""
    require(by, Permission.FHIR)
    cases = selectors.search(by, query)
    found = Found(cases[: query.count], len(cases) > query.count)
    detail = {"resource": kind, "cases": len(found.cases)}
    audit.record(action=Action.FHIR_READ, by=by, detail=detail, now=now)
    return found


def content_of(case: Case) -> dict[str, Any]:
    """Return finding, current readings and AI result of a final case."""
    final = consensus(case)
    current = [reading for reading in readings_of(case) if not hasattr(reading, "superseded_by")]
    decisive = [reading for reading in current if reading.kind == ReadingKind.ADJUDICATION] or current
    prediction = latest_done_prediction(case)
    return {
        "finding": final.finding if final else "",
        "readings": decisive,
        "prediction": prediction if prediction and prediction.version_id else None,
    }
