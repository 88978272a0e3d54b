"""`python -m ml trust BUNDLE DATA`: writes the trust report and prints its summary as one line of JSON."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ml import importers
from ml.datasets.hashing import hash_fraction
from ml.errors import BundleError
from ml.records import LabelledImage
from ml.trust import run as trust
from ml.trust.report import CheckProgress, TrustFindings
from ml.trust.report_files import HTML, JSON


def run(bundle: Path, data: Path, *, out: Path, cohen: Path | None, limit: int, with_images: bool) -> int:
    """Write the report of a bundle for a collection and return the exit status."""
    with TemporaryDirectory() as unpacked:
        try:
            options = importers.ReadOptions(cohen=cohen, unpack_into=Path(unpacked))
            collection = importers.read(data, options)
            findings = trust.run_checks(
                bundle,
                trust.calibration_test_split(_limited(collection.radiographs, limit)),
                supplementary=trust.SupplementaryData(masks=collection.masks),
                on_check=print_progress,
                with_images=with_images,
            )
        except (importers.UnreadableCollection, BundleError, ValueError, OSError) as error:
            sys.stderr.write(f"python -m ml trust: {error}\n")
            return 2
        out.mkdir(parents=True, exist_ok=True)
        trust.write(findings, out)
    sys.stdout.write(json.dumps(_summary(findings, out)) + "\n")
    return 0


def print_progress(progress: CheckProgress) -> None:
    """Write one line about a completed check to the standard error output."""
    check = progress.check
    sys.stderr.write(
        f"{progress.number:2}/{progress.total} {check.spec.id:2} {progress.name}: {check.status} "
        f"({check.seconds:.1f} s). {check.summary}\n"
    )
    sys.stderr.flush()


def _summary(findings: TrustFindings, out: Path) -> dict[str, object]:
    report = findings.report
    return {
        "version": report.subject,
        "verdict": report.verdict,
        "failed": list(report.failed),
        "checks": dict(Counter(check.status for check in report.checks)),
        "radiographs": len(findings.predictions.radiographs),
        "report": str(out / HTML),
        "json": str(out / JSON),
    }


def _limited(radiographs: Sequence[LabelledImage], limit: int) -> list[LabelledImage]:
    """Return at most `limit` radiographs in a fixed order by patient; all of them if the limit is 0."""
    if not limit or len(radiographs) <= limit:
        return list(radiographs)
    return sorted(
        radiographs, key=lambda radiograph: (hash_fraction(radiograph.patient, "most"), radiograph.path.name)
    )[:limit]
