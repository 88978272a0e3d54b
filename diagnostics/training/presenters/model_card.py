"""The card of a candidate: what it is, what it learnt from, how it did, what it must not be used for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from diagnostics.registry.presenters import metrics
from diagnostics.training.models import TrainingRun
from diagnostics.training.promotion_gate import GateVerdict
from ml.records import Manifest

HEAD: Final = """\
# Model card: candidate of training run {number}

**Research use only. Not for diagnosis.**

- Network: {family}, {size} x {size} pixels, {preparation}
- Findings it names: {classes}
- Continued from: {parent}
- Recipe: {preset}, {epochs} epochs planned, epoch {kept} kept, seed {seed}
- Snapshot of the radiographs and findings (SHA-256): {snapshot}
"""

LIMITS: Final = """\
## What to keep in mind

- {labels}
- The test radiographs come from the same sites as the radiographs it learnt from: expect less elsewhere.
- The network may use marks of a machine or a site instead of the lungs. Look at the heat maps.
- It must not be used to rule a finding out, for children, or for lateral radiographs.
"""


def write(
    run: TrainingRun, manifest: Manifest, measured: Mapping[str, Any], gate_verdict: GateVerdict
) -> str:
    """Write the card's text (Markdown)."""
    limits = LIMITS.format(labels=_labels(run))
    parts = [_head(run, manifest), _counts(run), _figures(measured), _verdict(gate_verdict), limits]
    return "\n".join(part for part in parts if part)


def _head(run: TrainingRun, manifest: Manifest) -> str:
    architecture = manifest.architecture
    return HEAD.format(
        number=run.number,
        family=architecture.family,
        size=architecture.size,
        preparation=manifest.preprocessing.id,
        classes=", ".join(architecture.classes),
        parent=manifest.parent or "nothing, taught from the beginning",
        kept=manifest.training.get("kept_epoch", "?"),
        snapshot=run.snapshot_sha256,
        **{name: run.parameters.get(name, "?") for name in ("preset", "epochs", "seed")},
    )


def _labels(run: TrainingRun) -> str:
    signed = "single signed readings of this site's readers, not laboratory findings."
    imported = run.counts.get("imported", {}).get("cases", 0)
    if not imported:
        return f"The labels are {signed}"
    return f"{imported} labels came with imported collections and were not read here; the others are {signed}"


def _counts(run: TrainingRun) -> str:
    table = metrics.counts(run.counts)
    if table is None:
        return ""
    lines = [f"- {row.part}: {_pairs(table.classes, row.cells)}" for row in table.rows]
    return "\n".join(["## Radiographs (patients)", "", *lines, *(f"- {note}" for note in table.left_out), ""])


def _pairs(classes: tuple[str, ...], cells: tuple[str, ...]) -> str:
    return ", ".join(f"{label} {cell}" for label, cell in zip(classes, cells, strict=True))


def _figures(measured: Mapping[str, Any]) -> str:
    (table,) = metrics.metrics({"metrics": {"test": measured}})
    lines = [
        f"- {row.label}: AUROC {row.auroc}, sensitivity {row.sensitivity}, "
        f"specificity {row.specificity}, {row.radiographs} radiographs"
        for row in table.rows
    ]
    head = f"{table.radiographs} radiographs of {table.patients} patients; accuracy {table.accuracy}. 95 % intervals."
    return "\n".join(["## On radiographs it did not learn from", "", head, "", *lines, ""])


def _verdict(gate_verdict: GateVerdict) -> str:
    if not gate_verdict.reason:
        return ""
    return f"## Compared with the version in force\n\n{gate_verdict.verdict}: {gate_verdict.reason}\n"
