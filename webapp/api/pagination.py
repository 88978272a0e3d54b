"""Pages of lists by a cursor: a row that is added or removed meanwhile neither repeats nor hides another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import ValidationError as InvalidValue
from django.db.models import F, Model, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from diagnostics.keyset import OrderedRows

DEFAULT_SIZE: Final = 50
MAX_SIZE: Final = 200
CURSOR: Final = "cursor"
SIZE: Final = "page_size"


@dataclass(frozen=True)
class SortKey:
    """One field of an order; null is the smallest value, with every database."""

    field: str
    descending: bool
    nullable: bool

    @property
    def expression(self) -> OrderBy | str:
        """Return the key for `order_by`; a plain name where no null exists, which an index can serve."""
        if not self.nullable:
            return f"{'-' if self.descending else ''}{self.field}"
        column = F(self.field)
        return column.desc(nulls_last=True) if self.descending else column.asc(nulls_first=True)

    def after(self, value: Any) -> Q:
        """Return the condition of the rows that this key places after a value."""
        if self.descending:
            below = Q(**{f"{self.field}__lt": value}) | Q(**{f"{self.field}__isnull": True})
            return Q(pk__in=[]) if value is None else below
        return Q(**{f"{self.field}__isnull": False}) if value is None else Q(**{f"{self.field}__gt": value})

    def equal(self, value: Any) -> Q:
        """Return the condition of the rows with this value."""
        return Q(**{f"{self.field}__isnull": True}) if value is None else Q(**{self.field: value})


class CursorPages(BasePagination):
    """Serve `page_size` rows after the row that `cursor` names by its id.

    An id, unlike the values of the sorted fields, identifies no patient in an address or a log line.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: object = None) -> list[Any]:
        """Return the rows of the page, of OrderedRows the primary keys.

        Raises ValidationError for an unknown cursor or size.
        """
        if isinstance(queryset, OrderedRows):
            return self._page_of(queryset, request)
        keys = sort_keys(queryset)
        rows = queryset.order_by(*(key.expression for key in keys))
        cursor = request.query_params.get(CURSOR, "")
        if cursor:
            rows = rows.filter(_after(keys, _position(queryset.model, keys, cursor)))
        size = _size(request)
        found = list(rows[: size + 1])
        self._address = request.build_absolute_uri()
        self._next = str(found[size - 1].pk) if len(found) > size else ""
        return found[:size]

    def _page_of(self, rows: OrderedRows, request: Request) -> list[Any]:
        page = rows.page(_size(request), after=request.query_params.get(CURSOR, ""))
        if page is None:
            raise _unknown_cursor()
        self._address = request.build_absolute_uri()
        self._next = str(page.next or "")
        return page.keys

    def get_paginated_response(self, data: Any) -> Response:
        """Return the rows with the address of the next page, null on the last one."""
        address = replace_query_param(self._address, CURSOR, self._next) if self._next else None
        return Response({"next": address, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the OpenAPI schema of a page."""
        next_page = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {"next": next_page, "results": schema},
        }

    def get_schema_operation_parameters(self, view: object) -> list[dict[str, Any]]:
        """Return the OpenAPI schema of the query parameters."""
        size = {"type": "integer", "minimum": 1, "maximum": MAX_SIZE, "default": DEFAULT_SIZE}
        return [
            {
                "name": CURSOR,
                "in": "query",
                "description": "From the address `next` of the page before",
                "schema": {"type": "string"},
            },
            {"name": SIZE, "in": "query", "description": "Rows of a page", "schema": size},
        ]


def sort_keys(queryset: QuerySet[Any]) -> list[SortKey]:
    """Return the order of a queryset as keys; the primary key makes it total."""
    names = [str(name) for name in queryset.query.order_by or queryset.model._meta.ordering or ("pk",)]
    keys = [_key(queryset.model, name) for name in names]
    return keys if any(key.field in ("pk", "id") for key in keys) else [*keys, SortKey("pk", False, False)]


def _key(model: type[Model], name: str) -> SortKey:
    field = name.lstrip("-")
    return SortKey(field, name.startswith("-"), field != "pk" and _is_nullable(model, field))


def _is_nullable(model: type[Model], path: str) -> bool:
    name, _separator, rest = path.partition("__")
    field: Any = model._meta.get_field(name)
    if not rest:
        return bool(field.null)
    return bool(getattr(field, "null", True)) or _is_nullable(field.related_model, rest)


def _position(model: type[Model], keys: list[SortKey], cursor: str) -> tuple[Any, ...]:
    """Return the sorted values of the row of a cursor, which may have left the list meanwhile."""
    try:
        found = model._base_manager.filter(pk=cursor).values_list(*(key.field for key in keys)).first()
    except (ValueError, OverflowError, InvalidValue):
        found = None
    if found is None:
        raise _unknown_cursor()
    return tuple(found)


def _unknown_cursor() -> ValidationError:
    return ValidationError({CURSOR: [_("This cursor is not valid. Start again without it.")]})


def _after(keys: list[SortKey], position: tuple[Any, ...]) -> Q:
    """Return the condition of the rows after a position, in lexicographic order."""
    condition, equal = Q(pk__in=[]), Q()
    for key, value in zip(keys, position, strict=True):
        condition |= equal & key.after(value)
        equal &= key.equal(value)
    return condition


def _size(request: Request) -> int:
    text = request.query_params.get(SIZE, str(DEFAULT_SIZE))
    if not (text.isascii() and text.isdecimal() and len(text) < 5 and 1 <= int(text) <= MAX_SIZE):
        raise ValidationError({SIZE: [_("Choose a number from 1 to %(most)d.") % {"most": MAX_SIZE}]})
    return int(text)
