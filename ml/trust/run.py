"""The whole trust report of one version: every check, asked of films it did not learn from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from sklearn.metrics import balanced_accuracy_score

from ml.dataset import Split, share_of
from ml.figures import Evaluation, from_logits
from ml.imaging import read_film
from ml.overlay import overlay_png
from ml.predictor import Predictor
from ml.records import LabelledFilm, Manifest
from ml.trust import (
    abstention,
    discrimination,
    heatmaps,
    held_out,
    occlusion,
    panel,
    reliability,
    stability,
    subgroups,
)
from ml.trust.answers import Answers
from ml.trust.check import Check
from ml.trust.examination import film_checks
from ml.trust.examined import Examined, examine
from ml.trust.files import HTML, JSON
from ml.trust.reader import Reader
from ml.trust.report import Report
from ml.trust.survey import Background, Survey, survey

CALIBRATION_SHARE: Final = 0.3  # of the patients, where films come unparted
EXAMPLES: Final = 6

OnCheck = Callable[[Check], None]


@dataclass(frozen=True)
class Given:
    """What is known besides the films: their masks, and what they were and whose."""

    masks: Mapping[Path, Path] = field(default_factory=dict)
    background: Mapping[Path, Background] = field(default_factory=dict)
    second: Path | None = None  # a bundle of the same recipe and another seed


@dataclass(frozen=True)
class Example:
    """A film with its heat, as PNG."""

    known: str
    named: str
    score: float  # of the target
    png: bytes


@dataclass(frozen=True)
class Findings:
    """A report and what its pictures are drawn from."""

    report: Report
    manifest: Manifest
    answers: Answers
    evaluation: Evaluation
    examples: tuple[Example, ...] = ()


NOTHING_GIVEN: Final = Given()


def parted(films: Sequence[LabelledFilm]) -> Split:
    """Part films that a version has not learnt from into calibration and test, by patient."""
    aside = {film.patient for film in films if share_of(film.patient, "trust") < CALIBRATION_SHARE}
    return Split(
        train=(),
        validation=tuple(film for film in films if film.patient in aside),
        test=tuple(film for film in films if film.patient not in aside),
    )


def ask(
    directory: Path,
    films: Split,
    *,
    given: Given = NOTHING_GIVEN,
    on_check: OnCheck = lambda _check: None,
    with_pictures: bool = False,
) -> Findings:
    """Ask all checks of a bundle; raises BundleError, and ValueError if no test film can be read.

    The films of `films.test` are asked about; limits are set on `films.validation`. `with_pictures` keeps
    some films with their heat: only where the films may be shown to whoever reads the report.
    """
    predictor, reader = Predictor(directory), Reader(directory)
    examined = examine(reader, films.test, given.masks)
    if not examined.films:
        raise ValueError("No film of the test part could be read.")
    aside = reader.see(films.validation)
    calibration = reader.answers(aside) if aside.films else None
    seen = survey(films, reader.manifest.preprocessing, background=given.background)
    checks: list[Check] = []
    for made in _checks(seen, examined, calibration, predictor, given):
        checks.append(made)
        on_check(made)
    left_out = tuple({out.film.path: out for out in (*seen.left_out, *examined.seen.left_out)}.values())
    report = Report(reader.manifest.version, seen.fingerprint, seen.preprocessing, tuple(checks), left_out)
    answers = examined.answers
    return Findings(
        report,
        reader.manifest,
        answers,
        from_logits(reader.manifest, answers.films, answers.logits),
        tuple(_examples(examined, predictor)) if with_pictures else (),
    )


def write(findings: Findings, folder: Path) -> None:
    """Write the report as JSON and as one page into a folder that exists."""
    from ml.trust.page import page

    (folder / JSON).write_text(json.dumps(findings.report.to_json(), indent=1), encoding="utf-8")
    (folder / HTML).write_text(page(findings), encoding="utf-8")


def _checks(
    seen: Survey, examined: Examined, calibration: Answers | None, predictor: Predictor, given: Given
) -> Iterator[Check]:
    answers = examined.answers
    balanced = float(balanced_accuracy_score(answers.places, answers.named))
    accuracy = float(answers.right.mean())
    found = film_checks(seen, model_accuracy=accuracy, model_balanced_accuracy=balanced)
    yield from (one for one in found if one.id < "B3")
    yield occlusion.lungs_hidden(examined)
    yield held_out.source_held_out(seen)
    yield from (one for one in found if one.id > "B4")
    yield occlusion.corners_hidden(examined)
    yield from discrimination.checks(answers)
    yield from reliability.checks(answers)
    yield from abstention.checks(answers, calibration)
    yield panel.panel(examined, explain=predictor.explain)
    yield heatmaps.in_the_lungs(examined)
    yield heatmaps.deletion(examined)
    yield heatmaps.randomised(examined)
    yield heatmaps.reproduced(examined, second=given.second)
    yield heatmaps.complete(examined)
    yield subgroups.subgroups(answers, background=given.background)
    yield stability.stability(examined)


def _examples(examined: Examined, predictor: Predictor) -> Iterator[Example]:
    """Show the surest films with the target, half of them rightly and half wrongly named."""
    answers = examined.answers
    order = np.argsort(-answers.scores, kind="stable")
    right = [place for place in order if answers.truth[place] and answers.right[place]][: EXAMPLES // 2]
    wrong = [place for place in order if not answers.right[place]][: EXAMPLES // 2]
    for place in (*right, *wrong):
        grey = read_film(answers.films[place].path.read_bytes()).grey
        heat = predictor.explain(grey)
        reference = predictor.manifest.heat_reference.get(answers.target, 1.0)
        png = overlay_png(grey, heat.maps[answers.target], heat.frame, reference=reference, longest=320)
        named = answers.classes[int(answers.named[place])]
        yield Example(answers.films[place].label, named, float(answers.scores[place]), png)
