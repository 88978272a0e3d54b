"""The table of training runs, the training labels and the facts of one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics.registry.presenters import badges
from diagnostics.registry.presenters.badges import Badge
from diagnostics.registry.presenters.metrics import Fact
from diagnostics.training.models import Epoch, TrainingRun
from diagnostics.training.presenters import progress


@dataclass(frozen=True)
class RunRow:
    """One run in the table of all runs."""

    run: TrainingRun
    status: str
    started_by: str
    verdict: Badge | None


def run_row(run: TrainingRun) -> RunRow:
    """Return the cells of one run."""
    return RunRow(
        run=run,
        status=progress.status_label(run),
        started_by=run.started_by.username if run.started_by else str(run.get_trigger_display()),
        verdict=badges.version_badge(run.candidate) if run.candidate else None,
    )


def label_notes(*, new: int, imported: int, conflicting: int) -> list[str]:
    """Return the notes below the table of training labels."""
    texts = [
        ngettext(
            "%(n)d new final finding was signed here since the last successful run.",
            "%(n)d new final findings were signed here since the last successful run.",
            new,
        )
        % {"n": new}
    ]
    if imported:
        text = ngettext(
            "%(n)d finding was imported with its radiograph and not read at this site.",
            "%(n)d findings were imported with their radiographs and not read at this site.",
            imported,
        )
        texts.append(text % {"n": imported})
    if conflicting:
        text = ngettext(
            "%(n)d radiograph with conflicting imported findings is excluded until it is read.",
            "%(n)d radiographs with conflicting imported findings are excluded until they are read.",
            conflicting,
        )
        texts.append(text % {"n": conflicting})
    return texts


def run_facts(run: TrainingRun) -> tuple[Fact, ...]:
    """Return the parameters and the origin of a run."""
    parameters = run.parameters
    return (
        Fact(_("Recipe"), str(parameters.get("recipe", "-"))),
        Fact(_("Planned epochs"), str(parameters.get("epochs", "-"))),
        Fact(_("Batch size"), str(parameters.get("batch_size", "-"))),
        Fact(_("Learning rate"), str(parameters.get("learning_rate", "-"))),
        Fact(_("Seed"), str(parameters.get("seed", "-"))),
        Fact(_("Active version at the start"), str(run.parent or "-")),
        Fact(_("Snapshot (SHA-256)"), run.snapshot_sha256 or "-"),
        Fact(_("Attempt"), str(run.attempts)),
    )


def last_epoch(epochs: Sequence[Epoch]) -> str:
    """Return the validation metrics of the last epoch; empty without one."""
    if not epochs:
        return ""
    return _("Last epoch, validation set: loss %(loss).3f, accuracy %(accuracy).3f.") % {
        "loss": epochs[-1].val_loss,
        "accuracy": epochs[-1].val_accuracy,
    }
