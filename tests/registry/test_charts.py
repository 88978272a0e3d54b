"""Charts of a version beside the active one, bars of its data, and its model card."""

from __future__ import annotations

from diagnostics.registry.presenters import charts, model_card, subsets
from diagnostics.registry.presenters.metrics import Json
from ml.metrics.curves import summary_with_curves
from tests.ml.evaluations import evaluation_with_errors

LABELS = ["covid-19", "normal"] * 40


def _stored(version: str, wrong: list[int], labels: list[str] = LABELS) -> Json:
    return summary_with_curves(evaluation_with_errors(labels=labels, wrong=wrong, version=version))


def _versions(*, is_active: bool = False) -> tuple[charts.Evaluated, ...]:
    comparison = {"active": "v1", "active_evaluation": _stored("v1", [])}
    manifest = {"metrics": {"test": _stored("v2", [0, 2, 4, 6])}}
    return charts.evaluated("v2", manifest, comparison, is_active=is_active)


def test_both_versions_have_a_curve_in_their_own_colour_and_with_n() -> None:
    roc, reliability = charts.roc_chart(_versions()), charts.reliability_chart(_versions())

    assert [(one.tone, one.label) for one in roc.series] == [
        ("candidate", "v2, n = 80"),
        ("active", "v1, n = 80"),
    ]
    assert [one.tone for one in reliability.series] == ["candidate", "active"]
    assert charts.roc_chart(_versions(is_active=True)).series[0].tone == "active"


def test_the_operating_point_lies_at_its_sensitivity_and_specificity() -> None:
    candidate, active = charts.roc_chart(_versions()).series

    # 4 of 40 radiographs with the finding are missed: sensitivity 0.9, specificity 1, on a square of 200.
    assert candidate.dots == ((30.0, 26.0),)
    assert active.dots == ((30.0, 6.0),)
    assert candidate.bars
    assert candidate.band


def test_no_interval_is_drawn_below_30_radiographs() -> None:
    manifest = {"metrics": {"test": _stored("v2", [0], ["covid-19", "normal"] * 29)}}
    versions = charts.evaluated("v2", manifest, {}, is_active=False)

    assert (charts.roc_chart(versions).series[0].band, charts.roc_chart(versions).series[0].bars) == ("", "")


def test_a_version_without_stored_curves_says_so() -> None:
    stored = {name: value for name, value in _stored("v1", []).items() if name != "curves"}
    versions = charts.evaluated("v1", {"metrics": {"held_out": stored}}, {}, is_active=True)

    assert charts.roc_chart(versions).series == ()
    assert charts.roc_chart(versions).note == "v1: not stored for this version."
    assert charts.reliability_chart(()).note == "Not stored for this version."


def test_too_few_radiographs_for_a_curve_are_named_as_the_reason() -> None:
    manifest = {"metrics": {"test": _stored("v2", [], ["covid-19", "normal"] * 10)}}
    versions = charts.evaluated("v2", manifest, {}, is_active=False)

    assert charts.reliability_chart(versions).note == "v2: too few radiographs for this curve."


def test_the_confusion_matrix_shows_the_counts_of_both_versions() -> None:
    confusion = charts.confusion_matrix(_versions())

    assert confusion is not None
    assert (confusion.findings, confusion.other) == (("COVID-19", "Pneumonia, other", "Normal"), "v1")
    assert [(cell.count, cell.other, cell.shade) for cell in confusion.rows[0].cells] == [
        (36, "40", 4),
        (4, "0", 0),
        (0, "0", 0),
    ]
    assert charts.confusion_matrix(()) is None


def test_data_are_shown_by_finding_and_by_source() -> None:
    training = {
        "counts": {"train": {"covid-19": {"cases": 9, "patients": 9}, "normal": {"cases": 3, "patients": 3}}},
        "sources": {"train": {"covid-19, nih": 9, "normal, nih": 1, "normal, cohen": 2}},
    }
    finding, source, view, *_rest = subsets.bar_charts({"training": training}, None, {})

    assert [(bar.label, bar.radiographs, bar.percent) for bar in finding.bars] == [
        ("COVID-19", 9, 100),
        ("Normal", 3, 33),
    ]
    assert [(bar.label, bar.radiographs) for bar in source.bars] == [("nih", 10), ("cohen", 2)]
    assert view.bars == ()


def test_a_model_card_is_rendered_without_its_own_markup() -> None:
    html = model_card.card_html(
        "# Card\n\n**Research use only.**\n\n<script>alert(1)</script>\n\n"
        "[link](javascript:alert(1)) ![image](https://example.org/x.png)\n\n|a|b|\n|-|-|\n|1|2|\n"
    )

    assert "<h3>Card</h3>" in html
    assert "<strong>Research use only.</strong>" in html
    assert "<table" in html
    for harmful in ("<script", "<img", 'href="javascript'):
        assert harmful not in html
