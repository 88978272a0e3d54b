"""`python -m ml trust BUNDLE DATA`: one line of JSON to read by a program, a page to read by a person."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ml import importers
from ml.datasets.hashing import share_of
from ml.records import BundleError, LabelledImage
from ml.trust import run as report
from ml.trust.check import Check
from ml.trust.report_files import HTML, JSON


def run(bundle: Path, data: Path, *, out: Path, cohen: Path | None, most: int, with_pictures: bool) -> int:
    """Make the report of a bundle on a collection and return the exit status."""
    with TemporaryDirectory() as unpacked:
        try:
            options = importers.Options(cohen=cohen, unpack_into=Path(unpacked))
            found = importers.read(data, options)
            split = report.parted(_some(found.radiographs, most))
            given = report.Given(masks=found.masks)
            findings = report.run_checks(
                bundle, split, given=given, on_check=_tell, with_pictures=with_pictures
            )
        except (importers.UnreadableCollection, BundleError, ValueError, OSError) as trouble:
            sys.stderr.write(f"python -m ml trust: {trouble}\n")
            return 2
        out.mkdir(parents=True, exist_ok=True)
        report.write(findings, out)
    made = findings.report
    summary = {
        "version": made.subject,
        "verdict": made.verdict,
        "failed": list(made.failed),
        "checks": dict(Counter(check.status for check in made.checks)),
        "radiographs": len(findings.answers.radiographs),
        "report": str(out / HTML),
        "json": str(out / JSON),
    }
    sys.stdout.write(json.dumps(summary) + "\n")
    return 0


def _some(radiographs: Sequence[LabelledImage], most: int) -> list[LabelledImage]:
    """Take whole patients, always the same, until there are enough radiographs."""
    if not most or len(radiographs) <= most:
        return list(radiographs)
    return sorted(
        radiographs, key=lambda radiograph: (share_of(radiograph.patient, "most"), radiograph.path.name)
    )[:most]


def _tell(check: Check) -> None:
    line = f"{check.id:3} {check.status:12} {check.seconds:6.1f} s  {check.words}"
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
