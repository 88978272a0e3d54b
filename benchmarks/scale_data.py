"""Synthetic cases by the million, inserted by SQL; Django must be set up before the import.

Of 20 cases 12 are final with a reading, 7 wait for a reading and 1 is imported. Three have one patient.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import connection
from django.db.models import GeneratedField, Model

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case, Prediction, PredictionShown, Radiograph
from diagnostics.patients.models import Patient
from diagnostics.review.models import Claim, Consensus, ConsensusStatus, Reading

SECONDS_APART: Final = 20
FINAL: Final = "n % 20 < 12"
READERS: Final = 10
SCATTER: Final = 2654435761  # odd, so that multiplication modulo 2**32 is one to one
STATUS: Final = (
    "CASE WHEN n % 1000 = 18 THEN 'failed' WHEN n < 40 AND n % 20 > 12 THEN 'queued' ELSE 'done' END"
)
FINDING: Final = "CASE n % 3 WHEN 0 THEN 'covid-19' WHEN 1 THEN 'normal' ELSE 'pneumonia' END"


def fill(count: int, *, now: datetime) -> tuple[User, User]:
    """Insert cases with all that belongs to them; return a radiologist and an administrator of their site."""
    site = Site.objects.filter(is_default=True).first() or Site.objects.create(name="North", is_default=True)
    readers = [_user(f"reader-{number}", "radiologist", site) for number in range(READERS)]
    administrator = _user("administrator", "administrator", site)
    rows = _Rows(count, now)
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA cache_size = -2000000")  # KiB; random ids touch every page
            cursor.execute("PRAGMA synchronous = OFF")
    _insert_cases(rows, site, administrator, now)
    _insert_results(rows, site, administrator, now)
    _insert_readings(rows, readers, now)
    if connection.vendor == "postgresql":  # autovacuum does it; nothing does it on SQLite
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return readers[0], administrator


def _insert_cases(rows: _Rows, site: Site, administrator: User, now: datetime) -> None:
    rows.insert(
        Patient(site=site),
        {"id": rows.uuid(1), "reference": "'P-' || n", "name": "'FAMILY' || n || ', Given' || (n % 1000)"},
        "n % 3 = 0",
    )
    rows.insert(
        Case(site=site, opened_by=administrator, opened_at=now, due_at=now),
        {
            "id": rows.uuid(2),
            "patient_ref": "'P-' || (n - n % 3)",
            "accession_number": "'ACC-' || n",
            "priority": "CASE n % 20 WHEN 15 THEN 'stat' WHEN 16 THEN 'urgent' ELSE 'routine' END",
            "priority_rank": "CASE n % 20 WHEN 15 THEN 0 WHEN 16 THEN 1 ELSE 2 END",
            "opened_at": rows.at(0),
            "due_at": rows.at(3600),
            "finalized_at": f"CASE WHEN {FINAL} THEN {rows.at(1800)} END",
            "on_worklist": rows.true_unless("n % 20 = 19"),
            "triage_score": "(n % 101) / 100.0",
            "listed_study_at": rows.at(-600),
            "listed_view": "'PA'",
        },
    )
    rows.insert(
        Radiograph(site=site, width=256, height=256, bits=8, source_format="PNG", view="PA", sex="F", age=60),
        {
            "id": rows.uuid(3),
            "case_id": rows.uuid(2),
            "pixel_sha256": "'pixels-' || n",
            "file_sha256": "'file-' || n",
            "study_at": rows.at(-600),
        },
    )


def _insert_results(rows: _Rows, site: Site, administrator: User, now: datetime) -> None:
    rows.insert(
        Prediction(probabilities={"covid-19": 0.2, "normal": 0.7, "pneumonia": 0.1}, queued_at=now),
        {
            "id": rows.uuid(4),
            "case_id": rows.uuid(2),
            "finding": FINDING,
            "status": STATUS,
            "queued_at": rows.at(1),
            "started_at": rows.at(2),
            "finished_at": rows.at(4),
        },
    )
    rows.insert(
        AuditEvent(
            at=now, by=administrator, action=Action.PREDICTION_STORED, target_kind="case", site=site.pk
        ),
        {"at": rows.at(4), "target_id": rows.uuid_text(2)},
    )


def _insert_readings(rows: _Rows, readers: list[User], now: datetime) -> None:
    by = rows.one_of([each.pk for each in readers])
    rows.insert(
        Reading(signed_at=now),
        {
            "id": rows.uuid(5),
            "case_id": rows.uuid(2),
            "by_id": by,
            "finding": FINDING,
            "signed_at": rows.at(1800),
        },
        FINAL,
    )
    rows.insert(
        PredictionShown(at=now),
        {
            "id": rows.uuid(6),
            "case_id": rows.uuid(2),
            "to_id": by,
            "prediction_id": rows.uuid(4),
            "at": rows.at(1810),
        },
        FINAL,
    )
    rows.insert(
        Claim(since=now, until=now),
        {
            "id": rows.uuid(7),
            "case_id": rows.uuid(2),
            "by_id": by,
            **{"since": rows.at(1700), "until": rows.at(2300), "ended_at": rows.at(1800)},
        },
        FINAL,
    )
    rows.insert(
        Consensus(readers_needed=1, status=ConsensusStatus.FINAL),
        {"case_id": rows.uuid(2), "finding": FINDING},
        FINAL,
    )


def _user(name: str, role: str, site: Site) -> User:
    user = User.objects.create(username=name, role=role, password=make_password(None))
    user.sites.set([site])
    return user


class _Rows:
    """Rows with the numbers n = 0, 1, 2, ..., whose columns are SQL expressions of n."""

    def __init__(self, count: int, now: datetime) -> None:
        self._count, self._newest = count, int(now.astimezone(UTC).timestamp())
        self._is_postgres = connection.vendor == "postgresql"

    def insert(self, template: Model, columns: dict[str, str], where: str = "n >= 0") -> None:
        """Insert a row for each number; columns that are not given are those of the template."""
        names, expressions, values = [], [], []
        for column in template._meta.concrete_fields:
            if isinstance(column, GeneratedField):
                continue
            if column.column in columns:
                expressions.append(columns[column.column].replace("%", "%%"))
            elif column.primary_key:
                continue
            else:
                expressions.append("%s")
                value: Any = column.get_db_prep_save(column.pre_save(template, add=True), connection)
                values.append(value)
            names.append(f'"{column.column}"')
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH RECURSIVE series(n) AS"
                f" (SELECT 0 UNION ALL SELECT n + 1 FROM series WHERE n < {self._count - 1})"
                f" INSERT INTO {template._meta.db_table} ({', '.join(names)})"
                f" SELECT {', '.join(expressions)} FROM series WHERE {where.replace('%', '%%')}",
                values,
            )

    def uuid(self, kind: int) -> str:
        """Return the UUID of a row, spread like random ones."""
        if self._is_postgres:
            first = f"lpad(to_hex(n::bigint * {SCATTER} % {2**32}), 8, '0')"
            return f"({first} || lpad(to_hex(n), 20, '0') || '000{kind}')::uuid"
        return f"printf('%08x%020x000{kind}', n * {SCATTER} % {2**32}, n)"

    def uuid_text(self, kind: int) -> str:
        """Return the same UUID as text with hyphens."""
        if self._is_postgres:
            return f"({self.uuid(kind)})::text"
        return f"printf('%08x-0000-0000-0000-%08x000{kind}', n * {SCATTER} % {2**32}, n)"

    def one_of(self, keys: list[UUID]) -> str:
        """Return one of some keys in turn."""
        cast = "::uuid" if self._is_postgres else ""
        choices = " ".join(f"WHEN {number} THEN '{key.hex}'{cast}" for number, key in enumerate(keys))
        return f"CASE n % {len(keys)} {choices} END"

    def at(self, seconds: int) -> str:
        """Return the time of a case, the newest first, and some seconds."""
        then = f"{self._newest + seconds} - {SECONDS_APART} * n"
        return f"to_timestamp({then})" if self._is_postgres else f"datetime({then}, 'unixepoch')"

    def true_unless(self, condition: str) -> str:
        """Return a boolean column."""
        return f"NOT ({condition})" if self._is_postgres else f"CASE WHEN {condition} THEN 0 ELSE 1 END"
