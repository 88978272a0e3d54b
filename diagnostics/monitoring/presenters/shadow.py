"""Texts, matrix, scatter chart and thumbnails of a shadow run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from diagnostics.cases.models import Case, PredictionOutcome
from diagnostics.cases.presenters.case import short_number
from diagnostics.cases.presenters.prediction import finding_label
from diagnostics.jobs.models import JobStatus
from diagnostics.monitoring.models import ShadowEnd, ShadowRun
from diagnostics.monitoring.selectors.shadow_comparison import DEFAULT_THRESHOLD, ComparedCase, Comparison
from diagnostics.registry.presenters.charts import SHADES, Cell, Confusion, MatrixRow, Point, pixel
from diagnostics.registry.presenters.metrics import Fact
from diagnostics.review.presenters.reader_quality import Estimate, kappa_estimate, proportion_cells
from diagnostics.review.proportion import MIN_CASES

MOST_DRAWN: Final = 1000  # points of the scatter chart, the newest cases


@dataclass(frozen=True)
class Scatter:
    """The score of both versions for each case, in pixels, and their thresholds as lines."""

    title: str
    x_label: str
    y_label: str
    same: tuple[Point, ...]
    changed: tuple[Point, ...]  # the flag differs
    thresholds: str  # path
    note: str


@dataclass(frozen=True)
class Thumbnail:
    """One disagreement; `state` says why it cannot be selected, empty where it can."""

    case: UUID
    url: str
    image: str
    number: str
    findings: str
    scores: str
    state: str


@dataclass(frozen=True)
class ShadowPage:
    """A shadow run for its page."""

    status: str
    is_open: bool
    facts: tuple[Fact, ...]
    matrix: Confusion | None
    scatter: Scatter | None
    thumbnails: tuple[Thumbnail, ...]
    can_select: bool


def shadow_page(
    comparison: Comparison, counts: Mapping[str, int], *, selected: Collection[UUID]
) -> ShadowPage:
    """Return a shadow run for its page."""
    thumbnails = tuple(_thumbnail(each, selected) for each in comparison.disagreements)
    return ShadowPage(
        status=status_text(comparison.run),
        is_open=comparison.run.ended_at is None,
        facts=(*_progress(counts, comparison), *_agreement(comparison)),
        matrix=_matrix(comparison),
        scatter=_scatter(comparison),
        thumbnails=thumbnails,
        can_select=any(not each.state for each in thumbnails),
    )


def status_text(run: ShadowRun) -> str:
    """Return whether a run is open, and why it ended."""
    names = {"version": run.version, "active": run.against.version}
    if run.ended_at is None:
        return _("%(version)s scores each new case of %(active)s. Readers see nothing of it.") % names
    cause = ShadowEnd(run.end).label
    return _("Ended: %(cause)s. %(version)s was compared with %(active)s.") % (names | {"cause": cause})


def _progress(counts: Mapping[str, int], comparison: Comparison) -> Iterable[Fact]:
    yield Fact(_("Scored"), str(counts[JobStatus.DONE]))
    yield Fact(_("Waiting"), str(counts[JobStatus.QUEUED] + counts[JobStatus.RUNNING]))
    yield Fact(_("Failed"), str(counts[JobStatus.FAILED]))
    yield Fact(_("Compared"), str(len(comparison.compared)))
    if comparison.hidden:
        yield Fact(_("Not compared: other site, or AI result withheld"), str(comparison.hidden))


def _agreement(comparison: Comparison) -> Iterable[Fact]:
    changes = [each for each in comparison.compared if each.flag_changes]
    added = sum(each.shadow.flagged for each in changes)
    share = proportion_cells(comparison.agreement)
    yield Fact(_("Same finding"), f"{share.counts}, {_estimate(share.estimate)}")
    if comparison.kappa:
        kappa = kappa_estimate(comparison.kappa, at_least=MIN_CASES)
        yield Fact(_("Cohen's kappa"), _estimate(kappa))
    change = {"added": added, "removed": len(changes) - added}
    yield Fact(
        _("Flags for %(finding)s") % {"finding": finding_label(comparison.target)},
        _("%(added)d added, %(removed)d removed") % change,
    )
    for outcome in (PredictionOutcome.INDETERMINATE, PredictionOutcome.OUT_OF_DISTRIBUTION):
        yield Fact(str(outcome.label), _by_version(comparison, outcome))


def _by_version(comparison: Comparison, outcome: str) -> str:
    active, shadow = comparison.outcomes(outcome)
    names = {"active": comparison.run.against.version, "version": comparison.run.version}
    return _("%(active)s: %(before)d, %(version)s: %(after)d") % (names | {"before": active, "after": shadow})


def _estimate(estimate: Estimate) -> str:
    return f"{estimate.value} ({estimate.interval})" if estimate.value else estimate.note


def _matrix(comparison: Comparison) -> Confusion | None:
    if not comparison.compared:
        return None
    labels = sorted({finding for pair in comparison.matrix for finding in pair})
    rows = tuple(_row(comparison.matrix, label, labels) for label in labels)
    return Confusion(tuple(map(finding_label, labels)), rows, other="")


def _row(matrix: Mapping[tuple[str, str], int], label: str, labels: list[str]) -> MatrixRow:
    counts = [matrix.get((label, other), 0) for other in labels]
    total = sum(counts)
    cells = (Cell(count, "", round(SHADES * count / total) if total else 0) for count in counts)
    return MatrixRow(finding_label(label), total, tuple(cells))


def _scatter(comparison: Comparison) -> Scatter | None:
    if not comparison.compared:
        return None
    drawn, run = comparison.compared[:MOST_DRAWN], comparison.run
    finding = finding_label(comparison.target)
    note = _("The newest %(n)d cases are drawn.") % {"n": MOST_DRAWN}
    return Scatter(
        title=_("Score for %(finding)s") % {"finding": finding},
        x_label=str(run.against.version),
        y_label=str(run.version),
        same=tuple(_point(each) for each in drawn if not each.flag_changes),
        changed=tuple(_point(each) for each in drawn if each.flag_changes),
        thresholds=_threshold_lines(comparison),
        note=note if len(comparison.compared) > MOST_DRAWN else "",
    )


def _point(each: ComparedCase) -> Point:
    return pixel(each.active.score, each.shadow.score)


def _threshold_lines(comparison: Comparison) -> str:
    run = comparison.run
    across = run.against.operating_points or run.against.version.manifest.get("operating_points") or {}
    x = across.get(comparison.target, DEFAULT_THRESHOLD)
    y = run.operating_points.get(comparison.target, DEFAULT_THRESHOLD)
    ends = ((pixel(x, 0), pixel(x, 1)), (pixel(0, y), pixel(1, y)))
    return "".join(f"M{left} {top}L{right} {bottom}" for (left, top), (right, bottom) in ends)


def _thumbnail(each: ComparedCase, selected: Collection[UUID]) -> Thumbnail:
    findings = finding_label(each.active.finding), finding_label(each.shadow.finding)
    return Thumbnail(
        case=each.case.pk,
        url=reverse("cases:case", args=[each.case.pk]),
        image=reverse("cases:thumbnail", args=[each.case.pk]),
        number=short_number(each.case),
        findings=" \N{RIGHTWARDS ARROW} ".join(findings),
        scores=f"{each.active.score:.2f} \N{RIGHTWARDS ARROW} {each.shadow.score:.2f}",
        state=_state(each.case, selected),
    )


def _state(case: Case, selected: Collection[UUID]) -> str:
    if case.finalized_at is not None:
        final = case.consensus.finding if hasattr(case, "consensus") else ""
        return _("Final: %(finding)s") % {"finding": finding_label(final)}
    return _("Selected") if case.pk in selected else ""
