"""Cohen, Morrison and Dao's COVID-19 image data collection: one table, many images per patient."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ml.datasets.disjoint_sets import DisjointSets
from ml.importers import table_reader
from ml.importers.files import files_in, inside, is_there
from ml.importers.labels import finding_of, view_of
from ml.importers.records import (
    Gathering,
    Imported,
    Options,
    Provenance,
    Reason,
    UnreadableCollection,
)
from ml.records import LabelledImage

NAME: Final = "cohen"
TABLE: Final = "metadata.csv"
COLUMNS: Final = frozenset({"patientid", "finding", "view", "filename"})
MASKS: Final = Path("annotations", "lungVAE-masks")
SECTIONS: Final = frozenset({"axial", "coronal"})  # CT, in tables that have no column for the modality
DAY: Final = re.compile(r"-day-?\d+.*$", re.IGNORECASE)


@dataclass(frozen=True)
class Patients:
    """Who is on which radiograph, for collections that have borrowed Cohen's radiographs under their old names."""

    by_stem: dict[str, tuple[str, str]]  # file name without suffix -> patient, view
    by_series: dict[str, str]  # file name without its day -> patient

    def of(self, stem: str) -> tuple[str, str] | None:
        """Return patient and view of a radiograph; its row may have gone while other days of the patient stay."""
        if known := self.by_stem.get(stem):
            return known
        series = DAY.sub("", stem)
        return (self.by_series[series], "") if series != stem and series in self.by_series else None


def recognises(folder: Path) -> bool:
    """Tell by the table's columns."""
    return set(table_reader.header(folder / TABLE)) >= COLUMNS


def read(folder: Path, options: Options) -> Imported:
    """Take the X-rays with a known finding; frontal ones only unless all views are asked for."""
    gathering, licences = Gathering(), Counter[str]()
    listed = table_reader.rows(folder / TABLE)
    same, masks = _same_patients(listed), {path.stem: path for path in files_in(folder / MASKS)}
    for row in listed:
        radiograph = _radiograph(folder, row, same, options)
        if isinstance(radiograph, LabelledImage):
            gathering.take(radiograph, masks.get(f"{radiograph.path.stem}_mask"))
            licences[row.get("license") or "not stated"] += 1
        else:
            gathering.leave(
                radiograph, row["filename"], row["finding"] if _is_about_finding(radiograph) else row["view"]
            )
    return gathering.done(_provenance(licences))


def patients(place: Path) -> Patients:
    """Read who is on which radiograph from the collection's folder or its table; raises UnreadableCollection."""
    table = place / TABLE if place.is_dir() else place
    if not set(table_reader.header(table)) >= COLUMNS:
        raise UnreadableCollection(
            "not_cohens_table", "The table named as Cohen's does not have its columns."
        )
    listed = table_reader.rows(table)
    same = _same_patients(listed)
    stems: dict[str, set[str]] = defaultdict(set)
    series: dict[str, set[str]] = defaultdict(set)
    views = {Path(row["filename"]).stem: view_of(row["view"]) for row in listed}
    for row in listed:
        stem, patient = Path(row["filename"]).stem, same.find(_patient(row))
        stems[stem].add(patient)
        series[DAY.sub("", stem)].add(patient)
    # A name that two patients share tells nothing.
    return Patients(
        by_stem={stem: (min(who), views[stem]) for stem, who in stems.items() if len(who) == 1},
        by_series={name: min(who) for name, who in series.items() if len(who) == 1},
    )


def _radiograph(
    folder: Path, row: table_reader.Row, same: DisjointSets, options: Options
) -> LabelledImage | Reason:
    if reason := _why_not(row, options):
        return reason
    finding = finding_of(row["finding"])
    if isinstance(finding, Reason):
        return finding
    path = inside(folder, f"{row.get('folder') or 'images'}/{row['filename']}")
    if path is None:
        return Reason.OUTSIDE
    if not is_there(path):
        return Reason.FILE_MISSING
    return LabelledImage(path, finding, same.find(_patient(row)), NAME, view_of(row["view"]))


def _why_not(row: table_reader.Row, options: Options) -> Reason | None:
    modality, view = row.get("modality", "X-ray"), view_of(row["view"])
    if modality.casefold() != "x-ray" or row["view"].casefold() in SECTIONS:
        return Reason.NOT_AN_XRAY
    if options.all_views or view not in ("", "LATERAL"):
        return None
    return Reason.LATERAL if view else Reason.VIEW_NOT_GIVEN


def _is_about_finding(reason: Reason) -> bool:
    return reason in (Reason.FINDING_NOT_GIVEN, Reason.FINDING_NOT_KNOWN)


def _patient(row: table_reader.Row) -> str:
    return f"{NAME}-{row['patientid'] or 'file-' + Path(row['filename']).stem}"


def _same_patients(listed: list[table_reader.Row]) -> DisjointSets:
    """Join the patients who share a radiograph: a few were entered twice under two numbers."""
    same, owner = DisjointSets(), dict[str, str]()
    for row in listed:
        same.join(_patient(row), owner.setdefault(row["filename"], _patient(row)))
    return same


def _provenance(licences: Counter[str]) -> Provenance:
    stated = ", ".join(f"{licence}: {count}" for licence, count in licences.most_common())
    return Provenance(
        name="COVID-19 image data collection",
        citation="Cohen, Morrison, Dao: COVID-19 image data collection. arXiv:2003.11597 (2020).",
        licence=f"Each image has its own, several non-commercial. Of the rows taken: {stated or 'none'}.",
        patients="By the table's patient number; numbers that share a radiograph are one patient.",
    )
