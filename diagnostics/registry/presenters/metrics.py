"""What a manifest and a comparison hold, made ready to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics.findings import Finding

FEWEST_TO_TELL: Final = 30  # test radiographs

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Fact:
    """One line of a list."""

    label: str
    value: str


@dataclass(frozen=True)
class Headline:
    """A version in one line of a table."""

    words: str
    radiographs: int  # that it learnt from


@dataclass(frozen=True)
class ClassRow:
    """One finding's figures, ready to print."""

    label: str
    radiographs: int
    patients: int
    auroc: str
    sensitivity: str
    specificity: str


@dataclass(frozen=True)
class Metrics:
    """One set of radiographs and how a version did on it."""

    title: str
    radiographs: int
    patients: int
    accuracy: str
    rows: tuple[ClassRow, ...]


@dataclass(frozen=True)
class CountRow:
    """One part of a data set."""

    part: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Counts:
    """Radiographs and patients by part and finding."""

    classes: tuple[str, ...]
    rows: tuple[CountRow, ...]
    left_out: tuple[str, ...]


def finding_words(label: str) -> str:
    """Say a class in the house's words."""
    return str(Finding(label).label) if label in Finding.values else label


def facts(manifest: Json) -> tuple[Fact, ...]:
    """List what a network is."""
    architecture, preprocessing = manifest["architecture"], manifest["preprocessing"]
    size = architecture["size"]
    return (
        Fact(_("Network"), architecture["family"]),
        Fact(_("Findings"), ", ".join(map(finding_words, architecture["classes"]))),
        Fact(_("Input"), _("%(size)d x %(size)d pixels") % {"size": size}),
        Fact(_("Preparation"), f"{preprocessing['geometry']}, {preprocessing['scale']}"),
        Fact(_("Made"), _moment(manifest.get("created_at", ""))),
        Fact(_("Continued from"), manifest.get("parent") or _("nothing, taught from the beginning")),
        Fact(_("Calibration temperature"), number(manifest.get("temperature"))),
        Fact(_("Weights (SHA-256)"), manifest.get("weights_sha256", "")),
        Fact(_("Libraries"), ", ".join(f"{k} {v}" for k, v in manifest.get("libraries", {}).items())),
    )


def points(manifest: Json) -> tuple[Fact, ...]:
    """List from which probability each finding is flagged."""
    return tuple(
        Fact(finding_words(label), number(value)) for label, value in _ordered(manifest["operating_points"])
    )


def limits(manifest: Json) -> tuple[Fact, ...]:
    """List when a version names no finding, or one that nobody should rely on."""
    conformal = manifest.get("conformal") or {}
    stays = [
        Fact(_("%(finding)s stays possible") % {"finding": finding_words(label)}, _stays(limit))
        for label, limit in _ordered(conformal)
    ]
    return (*stays, Fact(_("Right 19 times in 20"), _from_score(manifest.get("abstention"))))


def out_of_distribution(manifest: Json) -> tuple[Fact, ...]:
    """List beyond which measures a radiograph is unlike those a version learnt from; nothing where unmeasured."""
    found: Json | None = manifest.get("out_of_distribution")
    if not found:
        return ()
    counts = {"n": found["reference_radiographs"], "m": found["calibration_radiographs"]}
    against = {
        "training set": _("%(n)d radiographs it learnt from; limits set on %(m)d others"),
        "validation set": _("%(n)d radiographs it was checked on; limits set on %(m)d others"),
    }
    return (
        Fact(_("Compared with"), against.get(found["source"], "") % counts),
        Fact(_("Distance to its radiographs"), _("at most %s") % number(found["knn"])),
        Fact(_("Distance to a class"), _("at most %s") % number(found["mahalanobis"], 2)),
        Fact(_("Energy of the scores"), _("at most %s") % number(found["energy"], 2)),
    )


def metrics(manifest: Json) -> tuple[Metrics, ...]:
    """List every set of radiographs that a version was measured on."""
    measured: Json = manifest.get("metrics") or {}
    titles = {"test": _("Test radiographs")}
    if "per_class" in measured:
        return (_metrics("", measured),)
    return tuple(
        _metrics(titles.get(title, title.replace("_", " ").replace("-", " ").capitalize()), part)
        for title, part in measured.items()
        if isinstance(part, dict) and "per_class" in part
    )


def headline(manifest: Json) -> Headline:
    """Say in one line how good a version is, on what, and how much it learnt from."""
    learnt = _radiographs(((manifest.get("training") or {}).get("counts") or {}).get("train") or {})
    measured = metrics(manifest)
    if not measured or not measured[0].rows:
        return Headline(_("not measured"), learnt)
    first = measured[0].rows[0]
    found = {"finding": first.label, "auroc": first.auroc, "n": measured[0].radiographs}
    if measured[0].radiographs < FEWEST_TO_TELL:
        return Headline(_("%(finding)s: too few radiographs to tell, n=%(n)d") % found, learnt)
    return Headline(_("%(finding)s: AUROC %(auroc)s, n=%(n)d") % found, learnt)


def counts(by_part: Json) -> Counts | None:
    """Arrange counts of the form part -> class -> {cases, patients} as a table."""
    parts = {name: by_part[name] for name in ("train", "validation", "test") if name in by_part}
    if not parts:
        return None
    reasons = {
        "radiograph_missing": _("the stored radiograph is missing"),
        "collections_disagree": _(
            "two collections disagree on the finding, and nobody has read the radiograph"
        ),
    }
    titles = {"train": _("To learn from"), "validation": _("To check on"), "test": _("To test on")}
    classes = [value for value in Finding.values if any(value in part for part in parts.values())]
    return Counts(
        classes=tuple(map(finding_words, classes)),
        rows=tuple(
            CountRow(titles[name], tuple(_cell(part.get(label)) for label in classes))
            for name, part in parts.items()
        ),
        left_out=tuple(
            ngettext(
                "%(n)d radiograph left out: %(why)s", "%(n)d radiographs left out: %(why)s", count["cases"]
            )
            % {"n": count["cases"], "why": reasons.get(why, why)}
            for why, count in by_part.get("left_out", {}).items()
            if count["cases"]
        ),
    )


def number(value: float | None, places: int = 3) -> str:
    """Write a number, or a dash where there is none."""
    return "-" if value is None else f"{value:.{places}f}"


def with_interval(figure: Json | None) -> str:
    """Write a figure with its 95 % interval."""
    if not figure or figure.get("value") is None:
        return "-"
    interval = "" if figure.get("low") is None else f" [{figure['low']:.2f}, {figure['high']:.2f}]"
    return f"{figure['value']:.3f}{interval}"


def _metrics(title: str, part: Json) -> Metrics:
    per_class: Json = part["per_class"]
    return Metrics(
        title=title,
        radiographs=part.get("radiographs", 0),
        patients=part.get("patients", 0),
        accuracy=with_interval(part.get("accuracy")),
        rows=tuple(
            ClassRow(
                label=finding_words(label),
                radiographs=row.get("radiographs", 0),
                patients=row.get("patients", 0),
                auroc=with_interval(row.get("auroc")),
                sensitivity=with_interval(row.get("flag_sensitivity")),
                specificity=with_interval(row.get("flag_specificity")),
            )
            for label, row in _ordered(per_class)
            if row.get("radiographs")
        ),
    )


def _ordered(by_class: Json) -> list[tuple[str, Any]]:
    """Put classes into the house's order, which a stored manifest does not keep."""
    known = {value: place for place, value in enumerate(Finding.values)}
    return sorted(by_class.items(), key=lambda item: (known.get(item[0], len(known)), item[0]))


def _stays(limit: float) -> str:
    if limit >= 1:
        return _("always: too few radiographs to exclude it")
    return _("from %s") % number(1 - limit, 2)


def _from_score(threshold: float | None) -> str:
    if threshold is None:
        return _("not measured")
    return _("at no score") if threshold >= 1 else _("from a score of %s") % number(threshold, 2)


def _moment(text: str) -> str:
    try:
        at = parse_datetime(text)
    except ValueError:
        return text
    return f"{at:%Y-%m-%d %H:%M %Z}" if at else text


def _cell(count: Json | None) -> str:
    return f"{count['cases']} ({count['patients']})" if count else "0"


def _radiographs(part: Json) -> int:
    return sum(count["cases"] for count in part.values() if isinstance(count, dict))
