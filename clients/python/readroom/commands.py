"""The commands: upload, status, wait, worklist, import, train, promote, export."""

from __future__ import annotations

import json
from collections.abc import Iterator
from gettext import gettext as _
from pathlib import Path
from typing import Any

import click

from readroom.cli import Context, cli
from readroom.client import Client
from readroom.errors import Refused
from readroom.generated import Run
from readroom.output import Output, as_lines, case_row

PRIORITIES = click.Choice(["routine", "urgent", "stat"])
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
CASE_COLUMNS = ("case", "status", "result")
UPLOAD_COLUMNS = ("file", "case", "status", "result")
WORKLIST_COLUMNS = ("id", "priority", "state", "patient_ref", "due_at", "assigned_to")
TIMEOUT = click.option("--timeout", default=600.0, show_default=True, help=_("Seconds to wait."))


@cli.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--patient-ref", default="", help=_("Needed for PNG and JPEG; a DICOM file states it."))
@click.option("--accession-number", default="")
@click.option("--view", default="", help="PA, AP or LATERAL")
@click.option("--priority", type=PRIORITIES, default="routine", show_default=True)
@click.option("--wait", "waits", is_flag=True, help=_("Wait for the AI results."))
@TIMEOUT
@click.pass_obj
def upload(context: Context, files: tuple[Path, ...], waits: bool, timeout: float, **fields: str) -> None:
    """Upload radiographs; a file that is refused stops no other one."""
    with context.client() as readroom:
        rows = list(_uploaded(readroom, context.output, files, fields))
        cases = [row["case"] for row in rows if row["case"]]
        if waits:
            results = {row["case"]: row for row in _waited(readroom, context.output, cases, timeout)}
            rows = [row | results.get(row["case"], {}) for row in rows]
    context.output.rows(rows, UPLOAD_COLUMNS)
    _exit_unless(all(row["status"] not in ("refused", "failed") for row in rows))


@cli.command()
@click.argument("cases", nargs=-1, required=True)
@click.pass_obj
def status(context: Context, cases: tuple[str, ...]) -> None:
    """Show the status of cases and their AI results."""
    with context.client() as readroom:
        context.output.rows([case_row(readroom.case(case)) for case in cases], CASE_COLUMNS)


@cli.command()
@click.argument("cases", nargs=-1, required=True)
@TIMEOUT
@click.pass_obj
def wait(context: Context, cases: tuple[str, ...], timeout: float) -> None:
    """Wait until the AI results of cases are there."""
    with context.client() as readroom:
        rows = _waited(readroom, context.output, list(cases), timeout)
    context.output.rows(rows, CASE_COLUMNS)
    _exit_unless(all(row["status"] == "done" for row in rows))


@cli.command()
@click.option("--status", default=None, help=_("A tab or a state, such as to-read, mine, final."))
@click.option("--priority", type=PRIORITIES, default=None)
@click.pass_obj
def worklist(context: Context, **filters: str | None) -> None:
    """List the cases of a tab, without AI results."""
    with context.client() as readroom:
        rows: list[dict[str, Any]] = [dict(row) for row in readroom.worklist(**filters)]
    context.output.rows(rows, WORKLIST_COLUMNS)


@cli.command("import")
@click.argument("collection")
@click.option("--name", default=None, help=_("Of a collection that is not a known public one."))
@click.option("--limit", default=None, help=_("Number of radiographs, balanced over the findings."))
@click.option("--start", is_flag=True, help=_("Start the import after the scan, and wait for its end."))
@click.pass_obj
def import_collection(context: Context, collection: str, start: bool, **options: str | None) -> None:
    """Scan a labelled collection: a ZIP file, or a name of the server's import folder."""
    with context.client() as readroom:
        current = readroom.scan(collection, **options)
        if start:
            readroom.start_import(current["id"])
            with context.output.progress() as bars:
                task = bars.add_task(_("Importing"), total=current["radiographs"])
                for state in readroom.follow_import(current["id"]):
                    bars.update(task, completed=state["radiographs"] - state["pending"])
                    current = state
    context.output.value(dict(current), f"{current['id']}: {current['text']}")
    _exit_unless(not current["failure"] and not (start and current["pending"]))


@cli.command()
@click.option("--recipe", default=None, help=_("The recipe; without it fine-tuning."))
@click.option("--epochs", type=int, default=None)
@click.option("--batch-size", type=int, default=None)
@click.option("--learning-rate", type=float, default=None)
@click.option("--seed", type=int, default=None)
@click.option("--wait", "waits", is_flag=True, help=_("Wait for the end of the run."))
@click.pass_obj
def train(context: Context, waits: bool, **parameters: Any) -> None:
    """Start a training run with the final findings."""
    with context.client() as readroom:
        run = readroom.train(**parameters)
        if waits:
            run = _followed(readroom, context.output, run)
    context.output.value(dict(run), f"{run['id']}: {run['progress']['text'] or run['status']}")
    _exit_unless(run["status"] != "failed")


@cli.command()
@click.argument("version")
@click.option("--reason", required=True, help=_("At least 10 characters; kept in the deployment history."))
@click.option("--operating-point", default=None, help=_('JSON, such as {"sensitivity": 0.95}.'))
@click.option("--override", is_flag=True, help=_("Promote in spite of the gate."))
@click.option("--acknowledge", multiple=True, help=_("With --override: each name that the gate asks for."))
@click.pass_obj
def promote(
    context: Context,
    version: str,
    reason: str,
    operating_point: str | None,
    override: bool,
    acknowledge: tuple[str, ...],
) -> None:
    """Promote a model version, named by its number, such as v3, or by its id."""
    choice: dict[str, Any] = {"override": override, "acknowledged": list(acknowledge)}
    if operating_point is not None:
        choice["operating_point"] = _parsed(operating_point)
    with context.client() as readroom:
        known = {each["name"]: each["id"] for each in readroom.versions()} if version[:1] == "v" else {}
        promoted = readroom.promote(known.get(version, version), reason=reason, **choice)
    context.output.value(dict(promoted), _("%(name)s is active.") % {"name": promoted["name"]})


@cli.command()
@click.argument("what", type=click.Choice(["cases", "worklist", "audit", "report"]))
@click.option("--case", default=None, help=_("The case of a report."))
@click.option("--output", "-o", "target", type=click.Path(dir_okay=False, writable=True, path_type=Path))
@click.pass_obj
def export(context: Context, what: str, case: str | None, target: Path | None) -> None:
    """Export the cases, the worklist or the audit log as JSON Lines, or the report of a case as PDF."""
    with context.client() as readroom:
        content = _report(readroom, case) if what == "report" else _lines(readroom, what)
    if target is None:
        click.echo(content, nl=False)
    else:
        target.write_bytes(content)


def _uploaded(
    readroom: Client, output: Output, files: tuple[Path, ...], fields: dict[str, str]
) -> Iterator[dict[str, Any]]:
    with output.progress() as bars:
        for file in bars.track(files, description=_("Uploading")):
            row: dict[str, Any] = {"file": file.name, "case": "", "status": "refused", "result": ""}
            try:
                created = readroom.upload(file, **fields)
            except Refused as error:
                yield row | {"result": str(error), "code": error.code}
            else:
                yield row | {"case": created["id"], "status": created["status"]}


def _waited(readroom: Client, output: Output, cases: list[str], timeout: float) -> list[dict[str, Any]]:
    with output.progress() as bars:
        task = bars.add_task(_("AI results"), total=len(cases))
        done = readroom.wait(cases, timeout=timeout, on_done=lambda case: bars.advance(task))
    return [case_row(case) for case in done]


def _followed(readroom: Client, output: Output, run: Run) -> Run:
    with output.progress() as bars:
        task = bars.add_task(_("Training"), total=None)
        for current in readroom.follow_run(run["id"]):
            run, shown = current, current["progress"]
            bars.update(
                task, description=shown["text"], completed=shown["epoch"], total=shown["epochs"] or None
            )
    return run


def _report(readroom: Client, case: str | None) -> bytes:
    if case is None:
        raise click.UsageError(_("Name the case of the report with --case."))
    return readroom.report(case)


def _lines(readroom: Client, what: str) -> bytes:
    exports: dict[str, Any] = {
        "cases": readroom.cases,
        "worklist": readroom.worklist,
        "audit": readroom.events,
    }
    rows = exports[what]()
    return "".join(f"{line}\n" for line in as_lines(rows)).encode()


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.BadParameter(_("This is no JSON."), param_hint="--operating-point") from error


def _exit_unless(everything_went_well: bool) -> None:
    if not everything_went_well:
        click.get_current_context().exit(1)
