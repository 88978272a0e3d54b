"""Pictures of latency by stage and of throughput by workers, from the figures of `benchmarks.throughput`.

python -m benchmarks.performance_pictures FIGURES docs/pictures
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from typing import Any, Final

import matplotlib as mpl
from matplotlib import pyplot

STEPS: Final = ("waited", "prepare", "network", "heatmap", "store")
COLOURS: Final = ("#b8c0c8", "#7aa6c2", "#1f5f8b", "#d98c3f", "#6b7f5a")


def main() -> None:
    """Write performance-latency.svg and performance-throughput.svg."""
    mpl.rcParams["svg.hashsalt"] = "performance"  # the same figures give the same file
    results, folder = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2])
    _save(_latency([each for each in results if each["workers"] == 1]), folder / "performance-latency.svg")
    _save(_throughput(results), folder / "performance-throughput.svg")


def _latency(results: list[dict[str, Any]]) -> Any:
    figure, axes = pyplot.subplots(figsize=(7, 2.2))
    for row, result in enumerate(results):
        start = 1000 * median(result["latencies"])
        steps = {step: 1000 * median(each.get(step, 0) for each in result["steps"]) for step in STEPS}
        upload, left = start - sum(steps.values()), 0.0
        for name, width, colour in [
            ("upload", upload, "#e2e6ea"),
            *zip(steps, steps.values(), COLOURS, strict=True),
        ]:
            axes.barh(row, width, left=left, color=colour, label=name if row == 0 else None)
            left += width
    axes.set_yticks(range(len(results)), [each["stack"] for each in results])
    axes.set_xlabel("milliseconds from upload to result, idle system (medians)")
    axes.legend(ncols=6, fontsize=7, loc="upper center", bbox_to_anchor=(0.5, 1.25), frameon=False)
    return figure


def _throughput(results: list[dict[str, Any]]) -> Any:
    figure, axes = pyplot.subplots(figsize=(5, 2.6))
    for stack in dict.fromkeys(each["stack"] for each in results):
        mine = [each for each in results if each["stack"] == stack]
        rates = [each["done"] / each["seconds"] for each in mine]
        axes.plot([each["workers"] for each in mine], rates, marker="o", label=stack)
    engine = 1000 / results[0]["engine"]
    axes.axhline(engine, color="#888", linestyle="--", label="engine alone")
    axes.set(xlabel="inference workers on two cores", ylabel="radiographs a second", ylim=(0, None))
    axes.set_xticks(sorted({each["workers"] for each in results}))
    axes.legend(fontsize=8, frameon=False)
    return figure


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)


if __name__ == "__main__":
    main()
