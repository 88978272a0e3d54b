"""Importer of the COVID-19 image data collection (Cohen, Morrison and Dao 2020): a table and its images."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ml.datasets.disjoint_sets import DisjointSets
from ml.importers import table_reader
from ml.importers.files import file_exists, files_in, inside
from ml.importers.labels import finding_of, view_of
from ml.importers.records import (
    CollectionBuilder,
    LabelledCollection,
    Provenance,
    ReadOptions,
    Reason,
    UnreadableCollection,
)
from ml.records import LabelledImage

NAME: Final = "cohen"
TABLE: Final = "metadata.csv"
COLUMNS: Final = frozenset({"patientid", "finding", "view", "filename"})
MASKS: Final = Path("annotations", "lungVAE-masks")
SECTIONS: Final = frozenset({"axial", "coronal"})  # CT, in tables without a column for the modality
DAY: Final = re.compile(r"-day-?\d+.*$", re.IGNORECASE)


@dataclass(frozen=True)
class Patients:
    """Patients by file name, for collections that reuse Cohen's radiographs under their original names."""

    by_stem: dict[str, tuple[str, str]]  # file name without suffix -> patient, view
    by_series: dict[str, str]  # file name without its day -> patient

    def patient_and_view(self, stem: str) -> tuple[str, str] | None:
        """Return patient and view of a file name; without its own row, those of its series."""
        if known := self.by_stem.get(stem):
            return known
        series = DAY.sub("", stem)
        return (self.by_series[series], "") if series != stem and series in self.by_series else None


def recognises(folder: Path) -> bool:
    """Return whether the table has the collection's columns."""
    return set(table_reader.header(folder / TABLE)) >= COLUMNS


def read(folder: Path, options: ReadOptions) -> LabelledCollection:
    """Return the X-rays with a known finding; only frontal views unless `all_views` is set."""
    builder, licences = CollectionBuilder(), Counter[str]()
    rows = table_reader.rows(folder / TABLE)
    same, masks = _same_patients(rows), {path.stem: path for path in files_in(folder / MASKS)}
    for row in rows:
        radiograph = _radiograph(folder, row, same, options)
        if isinstance(radiograph, LabelledImage):
            builder.add(radiograph, masks.get(f"{radiograph.path.stem}_mask"))
            licences[row.get("license") or "not stated"] += 1
        else:
            builder.exclude(
                radiograph, row["filename"], row["finding"] if _is_about_finding(radiograph) else row["view"]
            )
    return builder.build(_provenance(licences))


def read_patients(path: Path) -> Patients:
    """Read the patients from the collection's folder or its table; raises UnreadableCollection."""
    table = path / TABLE if path.is_dir() else path
    if not set(table_reader.header(table)) >= COLUMNS:
        raise UnreadableCollection(
            "not_cohens_table", "The given table does not have the columns of Cohen's table."
        )
    rows = table_reader.rows(table)
    same = _same_patients(rows)
    stems: dict[str, set[str]] = defaultdict(set)
    series: dict[str, set[str]] = defaultdict(set)
    views = {Path(row["filename"]).stem: view_of(row["view"]) for row in rows}
    for row in rows:
        stem, patient = Path(row["filename"]).stem, same.find(_patient(row))
        stems[stem].add(patient)
        series[DAY.sub("", stem)].add(patient)
    # A name that two patients share is ambiguous.
    return Patients(
        by_stem={stem: (min(owners), views[stem]) for stem, owners in stems.items() if len(owners) == 1},
        by_series={name: min(owners) for name, owners in series.items() if len(owners) == 1},
    )


def _radiograph(
    folder: Path, row: table_reader.Row, same: DisjointSets, options: ReadOptions
) -> LabelledImage | Reason:
    if reason := _exclusion_reason(row, options):
        return reason
    finding = finding_of(row["finding"])
    if isinstance(finding, Reason):
        return finding
    path = inside(folder, f"{row.get('folder') or 'images'}/{row['filename']}")
    if path is None:
        return Reason.OUTSIDE
    if not file_exists(path):
        return Reason.FILE_MISSING
    return LabelledImage(path, finding, same.find(_patient(row)), NAME, view_of(row["view"]))


def _exclusion_reason(row: table_reader.Row, options: ReadOptions) -> Reason | None:
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


def _same_patients(rows: list[table_reader.Row]) -> DisjointSets:
    """Join patient numbers that share a radiograph: a few patients were entered under two numbers."""
    same, owner = DisjointSets(), dict[str, str]()
    for row in rows:
        same.join(_patient(row), owner.setdefault(row["filename"], _patient(row)))
    return same


def _provenance(licences: Counter[str]) -> Provenance:
    stated = ", ".join(f"{licence}: {count}" for licence, count in licences.most_common())
    return Provenance(
        name="COVID-19 image data collection",
        citation="Cohen, Morrison, Dao: COVID-19 image data collection. arXiv:2003.11597 (2020).",
        licence=f"Each image has its own, several non-commercial. Rows imported: {stated or 'none'}.",
        patients="Patient number of the table; numbers that share a radiograph are one patient.",
    )
