"""The model card of a candidate: properties, data set, test results, verdict and limitations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from diagnostics.registry.presenters import data_set, metrics
from diagnostics.training.leak_texts import NAMES, check_text
from diagnostics.training.models import TrainingRun
from diagnostics.training.promotion_gate import GateVerdict
from ml.records import Manifest

HEAD: Final = """\
# Model card: candidate of training run {number}

**Research use only. Not for diagnosis.**

- Network: {family}, {size} x {size} pixels, {preprocessing}
- Findings: {classes}
- Fine-tuned from: {parent}
- Recipe: {recipe}, {epochs} epochs planned, weights of epoch {selected_epoch}, seed {seed}
- Snapshot of radiographs and findings (SHA-256): {snapshot}
"""

LIMITATIONS: Final = """\
## Limitations

- {labels}
- Training and test radiographs come from the same sites: expect lower performance at other sites.
- The network may rely on markers of a device or a site instead of the lungs. Check the heatmaps.
- Not for ruling out a finding, not for children, not for lateral radiographs.
"""


def render(
    run: TrainingRun, manifest: Manifest, results: Mapping[str, Any], gate_verdict: GateVerdict
) -> str:
    """Return the text of the model card (Markdown)."""
    limitations = LIMITATIONS.format(labels=_labels(run))
    parts = [
        _head(run, manifest),
        _data_set(run),
        _leaks(run),
        _results(results),
        _verdict(gate_verdict),
        limitations,
    ]
    return "\n".join(part for part in parts if part)


def _head(run: TrainingRun, manifest: Manifest) -> str:
    architecture = manifest.architecture
    return HEAD.format(
        number=run.number,
        family=architecture.family,
        size=architecture.size,
        preprocessing=manifest.preprocessing.id,
        classes=", ".join(architecture.classes),
        parent=manifest.parent or "none (trained from scratch)",
        selected_epoch=manifest.training.get("selected_epoch", "?"),
        snapshot=run.snapshot_sha256,
        **{name: run.parameters.get(name, "?") for name in ("recipe", "epochs", "seed")},
    )


def _labels(run: TrainingRun) -> str:
    signed = "single signed readings by this site's readers, not laboratory results."
    imported = run.counts.get("imported", {}).get("cases", 0)
    if not imported:
        return f"The labels are {signed}"
    return (
        f"{imported} labels came with imported collections and were not read at this site; "
        f"the others are {signed}"
    )


def _data_set(run: TrainingRun) -> str:
    table = data_set.data_set_table(run.counts)
    if table is None:
        return ""
    lines = [f"- {row.label}: {_pairs(table.findings, row.cells)}" for row in table.rows]
    exclusions = [f"- {exclusion}" for exclusion in table.exclusions]
    return "\n".join(["## Radiographs (patients)", "", *lines, *exclusions, ""])


def _pairs(findings: tuple[str, ...], cells: tuple[str, ...]) -> str:
    return ", ".join(f"{label} {cell}" for label, cell in zip(findings, cells, strict=True))


def _leaks(run: TrainingRun) -> str:
    failed = [check for check in run.leak_checks if check["status"] == "FAIL"]
    if not failed:
        return ""
    lines = [f"- {NAMES[check['code']]}: {check_text(check)}" for check in failed]
    by = f" ({run.started_by.username})" if run.started_by else ""
    reason = f"**Trained in spite of them. Reason{by}: {run.leak_reason}**"
    return "\n".join(["## Failed leak and shortcut checks", "", *lines, "", reason, ""])


def _results(results: Mapping[str, Any]) -> str:
    (table,) = metrics.evaluation_results({"metrics": {"test": results}})
    lines = [
        f"- {row.label}: AUROC {row.auroc}, sensitivity {row.sensitivity}, "
        f"specificity {row.specificity}, {row.radiographs} radiographs"
        for row in table.rows
    ]
    head = (
        f"{table.radiographs} radiographs of {table.patients} patients; accuracy {table.accuracy}. "
        "In brackets: 95 % confidence intervals."
    )
    return "\n".join(["## Evaluation on the test set", "", head, "", *lines, ""])


def _verdict(gate_verdict: GateVerdict) -> str:
    if not gate_verdict.reason:
        return ""
    return f"## Comparison with the active version\n\n{gate_verdict.verdict}: {gate_verdict.reason}\n"
