"""The tiles of the home page: a figure, a small chart, and the page on which to act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics.administration.presenters import drawing
from diagnostics.administration.presenters.drawing import Bar, Drawing
from diagnostics.administration.selectors.failures import Failures
from diagnostics.administration.selectors.workload import MIN_FOR_PERCENTILE, Turnaround, Waiting
from diagnostics.registry.presenters.badges import Badge
from diagnostics.review.proportion import MIN_CASES, Proportion

GIGABYTE: Final = 1e9
HOUR, DAY = 60, 24 * 60  # minutes


@dataclass(frozen=True)
class Link:
    """A page on which one acts."""

    text: str
    url: str


@dataclass(frozen=True)
class Tile:
    """One box of the home page; `lead` is its figure, or a sentence where there is none."""

    key: str
    title: str
    url: str
    lead: str
    unit: str = ""
    badge: Badge | None = None
    chart: Drawing | None = None
    lines: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class WorkerState:
    """Whether a worker runs, with the label of the status page."""

    label: str
    runs: bool
    state: str


@dataclass(frozen=True)
class Disk:
    """The disk of the home, in bytes."""

    total: int
    free: int
    is_low: bool


def waiting_tile(rows: Sequence[Waiting]) -> Tile:
    """Return the tile of open cases by priority."""
    total, overdue = sum(row.waiting for row in rows), sum(row.overdue for row in rows)
    bars = [
        Bar(
            str(row.priority.label),
            _("%(waiting)d, %(overdue)d overdue") % {"waiting": row.waiting, "overdue": row.overdue},
            ((row.waiting, "main"), (row.overdue, "stat")),
        )
        for row in rows
    ]
    late = ngettext("%(n)d overdue", "%(n)d overdue", overdue) % {"n": overdue}
    return Tile(
        key="waiting",
        title=_("Waiting for a reading"),
        url=reverse("cases:list"),
        lead=str(total),
        unit=ngettext("case", "cases", total),
        badge=Badge("warn", "stat", late) if overdue else Badge("done", "good", _("None overdue")),
        chart=drawing.bars(_described(bars), bars) if total else None,
    )


def turnaround_tile(stat: Turnaround, others: Turnaround, *, days: int) -> Tile:
    """Return the tile of the times from upload to final finding."""
    rows = [(_("STAT"), stat), (_("Others"), others)]
    bars = [
        Bar(
            label,
            _duration(each.median) if each.median is not None else "-",
            tuple(
                (value, tone)
                for value, tone in ((each.percentile_90, "soft"), (each.median, "main"))
                if value is not None
            ),
        )
        for label, each in rows
    ]
    lines = tuple(f"{label}: {_turnaround_text(each)}" for label, each in rows)
    some = stat.cases + others.cases
    lead, unit = (others, _("median without STAT")) if others.cases else (stat, _("median of STAT"))
    return Tile(
        key="turnaround",
        title=_("Turnaround, last %(days)d days") % {"days": days},
        url=f"{reverse('cases:list')}?status=final",
        lead=_duration(lead.median) if lead.median is not None else _("No final case"),
        unit=unit if lead.median is not None else "",
        chart=drawing.bars(_("Median and 90th percentile. %(rows)s") % {"rows": " ".join(lines)}, bars)
        if some
        else None,
        lines=lines if some else (),
    )


def failures_tile(found: Failures) -> Tile:
    """Return the tile of failed jobs by day."""
    days = len(found.by_day)
    first, last = (_day(day) for day, _count in (found.by_day[0], found.by_day[-1]))
    busy = ", ".join(f"{_day(day)}: {count}" for day, count in found.by_day if count)
    kinds = (
        (_("AI results: %(n)d"), found.predictions, f"{reverse('cases:list')}?status=failed"),
        (_("Imports: %(n)d"), found.imports, reverse("imports:imports")),
        (_("Training runs: %(n)d"), found.runs, reverse("training:runs")),
    )
    return Tile(
        key="failures",
        title=_("Failures, last %(days)d days") % {"days": days},
        url=reverse("status"),
        lead=str(found.total),
        unit=ngettext("failed job", "failed jobs", found.total),
        chart=drawing.columns(
            _("Failed jobs by day. %(days)s") % {"days": busy},
            [count for _day, count in found.by_day],
            first=first,
            last=last,
            tone="stat",
        )
        if found.total
        else None,
        links=tuple(Link(text % {"n": count}, url) for text, count, url in kinds),
    )


def agreement_tile(agreement: Proportion, *, days: int) -> Tile:
    """Return the tile of AI results with the finding of the first reading; no interval for few readings."""
    counts = _("%(same)d of %(total)d first readings") % {
        "same": agreement.count,
        "total": agreement.total,
    }
    few = _("Too few for an estimate: at least %(n)d are needed.") % {"n": MIN_CASES}
    tile = Tile(
        key="agreement",
        title=_("AI-reader agreement, last %(days)d days") % {"days": days},
        url=reverse("review:readers"),
        lead=counts,
        lines=(few,),
    )
    if agreement.too_few:
        return tile
    low, high = agreement.interval
    text = _("%(counts)s, 95 %% interval %(low).2f to %(high).2f")
    line = text % {"counts": counts, "low": low, "high": high}
    chart = drawing.interval(line, agreement.value, agreement.interval)
    return replace(tile, lead=f"{agreement.value:.2f}", chart=chart, lines=(line,))


def system_tile(workers: Sequence[WorkerState], disk: Disk) -> Tile:
    """Return the tile of the disk and the workers."""
    used = disk.total - disk.free
    free = _("%(free).1f GB free") % {"free": disk.free / GIGABYTE}
    bar = Bar(_("Disk"), free, ((disk.total, "ground"), (used, "stat" if disk.is_low else "main")))
    down = [worker.label for worker in workers if not worker.runs]
    good = Badge("done", "good", _("All workers run"))
    return Tile(
        key="system",
        title=_("Disk and workers"),
        url=reverse("status"),
        lead=free,
        badge=Badge("failed", "stat", _("No heartbeat: %(names)s") % {"names": ", ".join(down)})
        if down
        else good,
        chart=drawing.bars(
            _("%(used).1f of %(total).1f GB used")
            % {"used": used / GIGABYTE, "total": disk.total / GIGABYTE},
            [bar],
        ),
        lines=tuple(f"{worker.label}: {worker.state}" for worker in workers),
    )


def _described(rows: Sequence[Bar]) -> str:
    return "; ".join(f"{row.label}: {row.text}" for row in rows)


def _turnaround_text(each: Turnaround) -> str:
    if each.median is None:
        return _("no final case")
    cases = ngettext("%(n)d case", "%(n)d cases", each.cases) % {"n": each.cases}
    values = {"cases": cases, "median": _duration(each.median)}
    if each.percentile_90 is None:
        few = _("median %(median)s of %(cases)s; too few for the 90th percentile (%(least)d needed)")
        return few % (values | {"least": MIN_FOR_PERCENTILE})
    text = _("median %(median)s, 90th percentile %(late)s of %(cases)s")
    return text % (values | {"late": _duration(each.percentile_90)})


def _duration(minutes: float) -> str:
    whole = round(minutes)
    if whole < HOUR:
        return _("%(n)d min") % {"n": whole}
    if whole < DAY:
        return _("%(h)d h %(m)d min") % {"h": whole // HOUR, "m": whole % HOUR}
    return _("%(d)d d %(h)d h") % {"d": whole // DAY, "h": whole % DAY // HOUR}


def _day(day: date | datetime) -> str:
    return f"{day:%m-%d}"
