"""What the command line prints: results on the standard output, progress and errors on the standard error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from gettext import gettext as _
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from readroom.generated import Case


class Output:
    """Prints tables for a person, or with `as_json` one JSON value for a script."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._errors = Console(stderr=True)

    def rows(self, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
        """Print rows with these columns; as JSON every field."""
        if self.as_json:
            click.echo(json.dumps(rows, indent=2))
            return
        table = Table(*columns)
        for row in rows:
            table.add_row(*(Text(_cell(row.get(column))) for column in columns))
        Console().print(table)

    def value(self, value: Mapping[str, Any], text: str) -> None:
        """Print one result: a sentence, or as JSON every field."""
        click.echo(json.dumps(value, indent=2) if self.as_json else text)

    def error(self, text: str) -> None:
        """Print why something was not done."""
        self._errors.print(Text(text, style="red"))

    def progress(self) -> Progress:
        """Return progress bars, which a terminal alone shows."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        return Progress(*columns, console=self._errors, transient=True, disable=not self._errors.is_terminal)


def case_row(case: Case) -> dict[str, Any]:
    """Return a case as a row: its status, and the AI result unless that is withheld."""
    prediction, failure = case["prediction"], case["failure"]
    row: dict[str, Any] = {"case": case["id"], "status": case["status"], "result": ""}
    if case["withheld"]:
        row["result"] = _("withheld until the radiograph has been read")
    elif failure:
        row["result"] = failure["text"]
    elif case["not_scored"]:
        row["result"] = case["not_scored"]["text"]
    elif prediction:
        probability = prediction["probabilities"][prediction["finding"]]
        row["result"] = f"{prediction['headline']} ({prediction['finding']} {probability:.2f})"
    return row


def as_lines(rows: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """Return rows as JSON Lines."""
    return (json.dumps(row) for row in rows)


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
