"""Pages of ordered rows by keyset: the database reads the rows of one page, however many precede it.

A page starts after or before a row, which its primary key names, so a row that is added or removed meanwhile
neither repeats nor hides another. Counts are exact up to a limit, beyond which nothing is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db.models import BooleanField, F, Func, Q, QuerySet, Value
from django.db.models.lookups import Exact, GreaterThan, IsNull, LessThan

MAX_COUNTED: Final = 1000  # rows


class AtLeast(int):
    """A number of rows of which there are more."""


@dataclass(frozen=True)
class Page:
    """The primary keys of a page, and the rows before and after which its neighbours lie."""

    keys: list[Any]
    previous: Any = None
    next: Any = None


@dataclass(frozen=True)
class Ranks:
    """A leading field of an order with few values, each of which is read by itself."""

    field: str
    values: tuple[int, ...]


@dataclass(frozen=True)
class OrderedRows:
    """Rows and their order, arranged so that an index has the rows of each rank and part in this order.

    `order` ends with the primary key. A page after or before a row needs one direction for all its fields.
    """

    rows: QuerySet[Any]
    order: tuple[str, ...]
    ranks: Ranks | None = None
    parts: tuple[Q, ...] = (Q(),)  # disjoint; together all rows

    def page(
        self, size: int, *, after: object = None, before: object = None, is_last: bool = False
    ) -> Page | None:
        """Return the first page, the last one, or that next to a row; None if there is no such row."""
        cursor, backward = after or before, is_last or bool(before)
        position = self._position(cursor) if cursor else None
        if cursor and position is None:
            return None
        found = self._read(size + 1, position, backward=backward)
        has_more = len(found) > size
        keys = found[:size][::-1] if backward else found[:size]
        has_previous = has_more if backward else bool(cursor)
        has_next = bool(cursor) if backward else has_more
        return Page(
            keys,
            previous=keys[0] if keys and has_previous else None,
            next=keys[-1] if keys and has_next else None,
        )

    def first(self, size: int) -> list[Any]:
        """Return the primary keys of the first rows; here the order may mix directions."""
        return self._read(size, None, backward=False)

    def __iter__(self) -> Iterator[Any]:
        """Yield all rows in order, a page at a time."""
        page = self.page(MAX_COUNTED)
        while page and page.keys:
            yield from in_order(self.rows.model._base_manager.filter(pk__in=page.keys), page.keys)
            page = self.page(MAX_COUNTED, after=page.next) if page.next else None

    def _read(self, most: int, position: tuple[Any, ...] | None, *, backward: bool) -> list[Any]:
        if self.ranks is None:
            return self._read_rank(self.rows, most, position, backward=backward)
        values = self.ranks.values[::-1] if backward else self.ranks.values
        start = values.index(position[0]) if position else 0
        found: list[Any] = []
        for value in values[start:]:
            if len(found) < most:
                rows = self.rows.filter(**{self.ranks.field: value})
                rest = position[1:] if position and value == position[0] else None
                found += self._read_rank(rows, most - len(found), rest, backward=backward)
        return found

    def _read_rank(
        self, rows: QuerySet[Any], most: int, position: Sequence[Any] | None, *, backward: bool
    ) -> list[Any]:
        order = [_reversed(name) for name in self.order] if backward else list(self.order)
        if position is not None:
            rows = rows.filter(_beyond(rows, order, position))
        parts = [_keys(rows.filter(part), order, most) for part in self.parts]
        if len(parts) == 1:
            return parts[0]
        candidates = rows.model._base_manager.filter(pk__in=[key for part in parts for key in part])
        return _keys(candidates, order, most)

    def _position(self, cursor: object) -> tuple[Any, ...] | None:
        """Return the ordered values of a row, which may have left the list; None where it has none."""
        ranks = [self.ranks.field] if self.ranks else []
        names = [*ranks, *(_name(key) for key in self.order)]
        try:
            found = self.rows.model._base_manager.filter(pk=cursor).values_list(*names).first()
        except (ValueError, OverflowError, ValidationError):
            return None
        if found is None or None in found or (self.ranks and found[0] not in self.ranks.values):
            return None
        return tuple(found)


def counted(rows: QuerySet[Any]) -> int:
    """Count up to MAX_COUNTED rows; AtLeast these where there are more."""
    number = rows.order_by().values("pk")[: MAX_COUNTED + 1].count()
    return AtLeast(MAX_COUNTED) if number > MAX_COUNTED else number


def in_order(rows: Iterable[Any], keys: Iterable[Any]) -> list[Any]:
    """Return the rows with these primary keys in the same order; keys without a row are left out."""
    found = {row.pk: row for row in rows}
    return [found[key] for key in keys if key in found]


class Unindexed(Func):
    """A column by which SQLite shall select no index: it would prefer that of many rows to that of few."""

    template = "%(expressions)s"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Return the unary plus, which disqualifies a column from the use of indexes."""
        return self.as_sql(compiler, connection, template="+%(expressions)s", **context)


def equal_unindexed(column: str, value: Any) -> Exact:
    """Match a value that most rows of a table have, or fewer than another condition does."""
    return Exact(Unindexed(F(column)), value)


def null_unindexed(column: str) -> IsNull:
    """Match rows without a value in a column where most have none."""
    return IsNull(Unindexed(F(column)), True)


class _RowValue(Func):
    template = "(%(expressions)s)"
    output_field = BooleanField()  # of the comparison; a row value itself has no type


def _beyond(rows: QuerySet[Any], order: Sequence[str], position: Sequence[Any]) -> Any:
    """Return the condition of the rows after a position as one comparison, which an index can serve."""
    names, descending = [_name(key) for key in order], {key.startswith("-") for key in order}
    assert len(descending) == 1, order
    meta = rows.model._meta
    fields = [meta.pk if name == "pk" else meta.get_field(name) for name in names]
    values = [Value(value, output_field=field) for value, field in zip(position, fields, strict=True)]
    lookup = LessThan if descending == {True} else GreaterThan
    return lookup(_RowValue(*(F(name) for name in names)), _RowValue(*values))


def _keys(rows: QuerySet[Any], order: Sequence[str], most: int) -> list[Any]:
    return list(rows.order_by(*order).values_list("pk", flat=True)[:most])


def _name(key: str) -> str:
    return key.removeprefix("-")


def _reversed(key: str) -> str:
    return _name(key) if key.startswith("-") else f"-{key}"
