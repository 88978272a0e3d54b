"""Importer of any CSV table with path and label, and optionally patient, view and source."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ml.importers import table_reader
from ml.importers.files import file_exists, files_in, inside, is_radiograph
from ml.importers.labels import finding_of, view_of
from ml.importers.records import (
    SEPARATE_PATIENTS,
    CollectionBuilder,
    LabelledCollection,
    Provenance,
    ReadOptions,
    Reason,
)
from ml.records import LabelledImage

NAME: Final = "table"
COLUMNS: Final = {
    "path": ("path", "file", "filename", "image"),
    "label": ("label", "finding", "class"),
    "patient": ("patient", "patient_id", "patientid"),
    "view": ("view",),
    "source": ("source",),
}  # accepted column names; the first one present is used


def recognises(path: Path) -> bool:
    """Return whether a table, or the only such table in a folder, has paths and labels."""
    return _table(path) is not None


def read(path: Path, options: ReadOptions) -> LabelledCollection:
    """Return each row whose file is in the table's folder or below it."""
    table = _table(path)
    assert table is not None  # recognises() is called before
    columns, name = _columns(table), options.name or table.stem
    builder = CollectionBuilder()
    for row in table_reader.rows(table):
        cells = {field: row[column] for field, column in columns.items()}
        radiograph = _radiograph(table.parent, cells, name, options)
        if isinstance(radiograph, LabelledImage):
            builder.add(radiograph)
        else:
            detail = cells["label"] if radiograph is Reason.FINDING_NOT_KNOWN else ""
            builder.exclude(radiograph, Path(cells["path"]).name, detail)
    return builder.build(_provenance(name, has_patients="patient" in columns))


def _radiograph(
    root: Path, cells: table_reader.Row, name: str, options: ReadOptions
) -> LabelledImage | Reason:
    finding, view = finding_of(cells["label"]), view_of(cells.get("view", ""))
    if isinstance(finding, Reason):
        return finding
    if view == "LATERAL" and not options.all_views:
        return Reason.LATERAL
    path = inside(root, cells["path"])
    if path is None:
        return Reason.OUTSIDE
    if not file_exists(path):
        return Reason.FILE_MISSING
    if not is_radiograph(path):
        return Reason.NOT_AN_IMAGE
    # Sources of one table share its patients: two joined patients cost little, one divided patient leaks.
    patient = cells.get("patient") or f"file {path.relative_to(root).as_posix()}"
    return LabelledImage(
        path, finding, f"{name}-{options.pseudonym(patient)}", cells.get("source") or name, view
    )


def _table(path: Path) -> Path | None:
    candidates = files_in(path) if path.is_dir() else [path]
    tables = [p for p in candidates if p.suffix.lower() == ".csv" and {"path", "label"} <= _columns(p).keys()]
    return tables[0] if len(tables) == 1 else None


def _columns(table: Path) -> dict[str, str]:
    header = table_reader.header(table)
    columns = {field: next((n for n in names if n in header), "") for field, names in COLUMNS.items()}
    return {field: name for field, name in columns.items() if name}


def _provenance(name: str, *, has_patients: bool) -> Provenance:
    return Provenance(
        name=name,
        citation="",
        licence="Not stated.",
        patients=(
            "Patient column of the table, as pseudonyms; each row without one counts as a separate patient."
            if has_patients
            else SEPARATE_PATIENTS
        ),
    )
