"""Picture of a long training: loss and AUROC of the validation set against processor hours.

python -m benchmarks.default_network.learning_curve RUN OUT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ml.metrics import plots

SHOWN: Final = {  # comparison of the validation set -> its name in the picture
    "radiography": "Radiography Database",
    "nih_vs_cohen": "NIH without, Cohen with COVID-19",
    "children_vs_cohen": "children without, Cohen with COVID-19",
    "cohen": "Cohen (8 without COVID-19)",
}


def main() -> None:
    """Write the picture as SVG."""
    run, out = map(Path, sys.argv[1:])
    out.write_text(picture(evaluations(run)), encoding="utf-8")


def evaluations(run: Path) -> list[dict[str, Any]]:
    """Return the evaluations in the order of their steps; of a step that was repeated, the last one."""
    lines = (run / "evaluations.jsonl").read_text(encoding="utf-8").splitlines()
    by_step = {row["step"]: row for row in map(json.loads, lines)}
    return [by_step[step] for step in sorted(by_step)]


def picture(rows: list[dict[str, Any]]) -> str:
    """Return an SVG of the loss, and of the AUROC of each comparison; a line where the image size grew."""
    with mpl.rc_context(plots.STYLE):
        figure = Figure(figsize=(9, 4), layout="constrained")
        loss, area = figure.subplots(1, 2)
        hours = [row["processor_hours"] for row in rows]
        loss.plot(hours, [row["loss"] for row in rows], marker=".", label="training batches")
        loss.plot(hours, [row["val_loss"] for row in rows], marker=".", label="validation set")
        loss.set(title="Loss (nats)", xlabel="processor hours", ylim=(0, None))
        for key, name in SHOWN.items():
            area.plot(hours, [row["auroc"][key] for row in rows], marker=".", label=name)
        area.set(title="AUROC of COVID-19, validation set", xlabel="processor hours", ylim=(0.4, 1.01))
        for axes in (loss, area):
            axes.grid(visible=True)
            _mark_sizes(axes, rows)
        loss.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2, frameon=False)
        area.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2, frameon=False)
        return plots.as_svg(figure)


def _mark_sizes(axes: Axes, rows: list[dict[str, Any]]) -> None:
    bottom = axes.get_ylim()[0]
    for before, row in zip([None, *rows[:-1]], rows, strict=True):
        if before is None or before["size"] != row["size"]:
            start = (before["processor_hours"] + row["processor_hours"]) / 2 if before else 0.0
            axes.axvline(start, color=plots.TEXT, linestyle=":", linewidth=0.8)
            axes.annotate(
                f"{row['size']} px", (start, bottom), (2, 3), textcoords="offset points", fontsize=7
            )


if __name__ == "__main__":
    main()
