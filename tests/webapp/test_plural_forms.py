"""Numbers and their nouns agree: '1 radiograph of 1 patient', '2 radiographs of 3 patients'."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.template.loader import render_to_string


def text_of(template: str, **context: object) -> str:
    return " ".join(render_to_string(template, context).split())


@pytest.mark.parametrize(
    ("radiographs", "patients", "text"),
    [
        (1, 1, "1 radiograph of 1 patient"),
        (2, 1, "2 radiographs of 1 patient"),
        (2, 3, "2 radiographs of 3 patients"),
    ],
)
def test_radiographs_and_patients_are_counted(radiographs: int, patients: int, text: str) -> None:
    template = "includes/radiographs_of_patients.html"
    assert text_of(template, radiographs=radiographs, patients=patients) == text
    metrics = SimpleNamespace(radiographs=radiographs, patients=patients, accuracy="0.90", title="", rows=())
    assert f"{text} (accuracy 0.90)" in text_of("registry/_results.html", results=(metrics,))


@pytest.mark.parametrize(("passed", "text"), [(1, "1 check passed,"), (28, "28 checks passed,")])
def test_passed_checks_are_counted(passed: int, text: str) -> None:
    trust = SimpleNamespace(passed=passed, warned=0, not_possible=1)
    expected = f"{text} 0 passed with a warning, 1 not possible."
    assert text_of("includes/checks_passed.html", trust=trust) == expected
