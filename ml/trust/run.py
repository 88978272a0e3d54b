"""The whole trust report of one version: every check, asked of radiographs it did not learn from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from sklearn.metrics import balanced_accuracy_score

from ml.datasets.hashing import share_of
from ml.datasets.patient_split import Split
from ml.images.reading import read_radiograph
from ml.inference.overlay import overlay_png
from ml.inference.predictor import Predictor
from ml.metrics.evaluation_result import Evaluation, from_logits
from ml.records import LabelledImage, Manifest
from ml.trust import (
    abstention,
    discrimination,
    heatmap_checks,
    occlusion,
    out_of_distribution_panel,
    reliability,
    source_held_out,
    stability,
    subgroups,
)
from ml.trust.batch_predictor import BatchPredictor
from ml.trust.check import Check
from ml.trust.dataset_scan import Background, DatasetScan, scan_dataset
from ml.trust.evaluation_set import EvaluationSet, evaluation_set
from ml.trust.model_checks import model_checks
from ml.trust.predictions import Predictions
from ml.trust.report import Report
from ml.trust.report_files import HTML, JSON

CALIBRATION_SHARE: Final = 0.3  # of the patients, where radiographs come unparted
EXAMPLES: Final = 6

OnCheck = Callable[[Check], None]


@dataclass(frozen=True)
class Given:
    """What is known besides the radiographs: their masks, and what they were and whose."""

    masks: Mapping[Path, Path] = field(default_factory=dict)
    background: Mapping[Path, Background] = field(default_factory=dict)
    second: Path | None = None  # a bundle of the same recipe and another seed


@dataclass(frozen=True)
class Example:
    """A radiograph with its heat, as PNG."""

    known: str
    named: str
    score: float  # of the target
    png: bytes


@dataclass(frozen=True)
class TrustFindings:
    """A report and what its pictures are drawn from."""

    report: Report
    manifest: Manifest
    answers: Predictions
    evaluation: Evaluation
    examples: tuple[Example, ...] = ()


NOTHING_GIVEN: Final = Given()


def parted(radiographs: Sequence[LabelledImage]) -> Split:
    """Part radiographs that a version has not learnt from into calibration and test, by patient."""
    aside = {
        radiograph.patient
        for radiograph in radiographs
        if share_of(radiograph.patient, "trust") < CALIBRATION_SHARE
    }
    return Split(
        train=(),
        validation=tuple(radiograph for radiograph in radiographs if radiograph.patient in aside),
        test=tuple(radiograph for radiograph in radiographs if radiograph.patient not in aside),
    )


def run_checks(
    directory: Path,
    radiographs: Split,
    *,
    given: Given = NOTHING_GIVEN,
    on_check: OnCheck = lambda _check: None,
    with_pictures: bool = False,
) -> TrustFindings:
    """Ask all checks of a bundle; raises BundleError, and ValueError if no test radiograph can be read.

    The radiographs of `radiographs.test` are asked about; limits are set on `radiographs.validation`. `with_pictures` keeps
    some radiographs with their heat: only where the radiographs may be shown to whoever reads the report.
    """
    predictor, reader = Predictor(directory), BatchPredictor(directory)
    examined = evaluation_set(reader, radiographs.test, given.masks)
    if not examined.radiographs:
        raise ValueError("No radiograph of the test part could be read.")
    aside = reader.see(radiographs.validation)
    calibration = reader.answers(aside) if aside.radiographs else None
    seen = scan_dataset(radiographs, reader.manifest.preprocessing, background=given.background)
    checks: list[Check] = []
    for made in _checks(seen, examined, calibration, predictor, given):
        checks.append(made)
        on_check(made)
    left_out = tuple({out.radiograph.path: out for out in (*seen.left_out, *examined.seen.left_out)}.values())
    report = Report(reader.manifest.version, seen.fingerprint, seen.preprocessing, tuple(checks), left_out)
    answers = examined.answers
    return TrustFindings(
        report,
        reader.manifest,
        answers,
        from_logits(reader.manifest, answers.radiographs, answers.logits),
        tuple(_examples(examined, predictor)) if with_pictures else (),
    )


def write(findings: TrustFindings, folder: Path) -> None:
    """Write the report as JSON and as one page into a folder that exists."""
    from ml.trust.report_page import report_page

    (folder / JSON).write_text(json.dumps(findings.report.to_json(), indent=1), encoding="utf-8")
    (folder / HTML).write_text(report_page(findings), encoding="utf-8")


def _checks(
    seen: DatasetScan,
    examined: EvaluationSet,
    calibration: Predictions | None,
    predictor: Predictor,
    given: Given,
) -> Iterator[Check]:
    answers = examined.answers
    balanced = float(balanced_accuracy_score(answers.places, answers.named))
    accuracy = float(answers.right.mean())
    found = model_checks(seen, model_accuracy=accuracy, model_balanced_accuracy=balanced)
    yield from (one for one in found if one.id < "B3")
    yield occlusion.lungs_hidden(examined)
    yield source_held_out.source_held_out(seen)
    yield from (one for one in found if one.id > "B4")
    yield occlusion.corners_hidden(examined)
    yield from discrimination.checks(answers)
    yield from reliability.checks(answers)
    yield from abstention.checks(answers, calibration)
    yield out_of_distribution_panel.panel(examined, explain=predictor.explain)
    yield heatmap_checks.in_the_lungs(examined)
    yield heatmap_checks.deletion(examined)
    yield heatmap_checks.randomised(examined)
    yield heatmap_checks.reproduced(examined, second=given.second)
    yield heatmap_checks.complete(examined)
    yield subgroups.subgroups(answers, background=given.background)
    yield stability.stability(examined)


def _examples(examined: EvaluationSet, predictor: Predictor) -> Iterator[Example]:
    """Show the surest radiographs with the target, half of them rightly and half wrongly named."""
    answers = examined.answers
    order = np.argsort(-answers.scores, kind="stable")
    right = [place for place in order if answers.truth[place] and answers.right[place]][: EXAMPLES // 2]
    wrong = [place for place in order if not answers.right[place]][: EXAMPLES // 2]
    for place in (*right, *wrong):
        grey = read_radiograph(answers.radiographs[place].path.read_bytes()).grey
        heat = predictor.explain(grey)
        reference = predictor.manifest.heatmap_reference.get(answers.target, 1.0)
        png = overlay_png(grey, heat.maps[answers.target], heat.frame, reference=reference, longest=320)
        named = answers.classes[int(answers.named[place])]
        yield Example(answers.radiographs[place].label, named, float(answers.scores[place]), png)
