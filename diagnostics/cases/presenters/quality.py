"""Text of the quality gate: why a radiograph is not scored, what to do, and who overrode the gate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from diagnostics.cases.models import Prediction, PredictionOutcome, QualityCode

ADVICE: Final[dict[str, Promise]] = {
    QualityCode.NOT_A_RADIOGRAPH: gettext_lazy(
        "The image does not look like a radiograph: it may be a photograph, a screenshot or a drawing. "
        "Upload the exported radiograph itself."
    ),
    QualityCode.NOT_A_CHEST: gettext_lazy(
        "The image does not look like an upright frontal chest radiograph: it may show another part of the "
        "body, only a part of the chest, or be turned. Check it and upload the whole radiograph upright."
    ),
    QualityCode.LATERAL_VIEW: gettext_lazy(
        "The model knows frontal radiographs only. Upload the PA or AP view of the same study, "
        "if there is one."
    ),
    QualityCode.CT_SLICE: gettext_lazy(
        "The image looks like a slice of a CT. Upload a chest radiograph, if there is one."
    ),
    QualityCode.PAEDIATRIC: gettext_lazy(
        "By the age in the file the patient is younger than 16 years. The model is made for adults."
    ),
    QualityCode.TOO_SMALL: gettext_lazy(
        "One side of the image has fewer than 128 pixels. Upload the radiograph in its full size."
    ),
    QualityCode.INVERTED: gettext_lazy(
        "The greys are inverted: bone is dark and air is bright. "
        "Export the radiograph again with bright bone."
    ),
}


@dataclass(frozen=True)
class Stopped:
    """Why a radiograph has no AI result, and what to do."""

    code: str
    heading: str  # such as "No AI result: lateral view"
    text: str


@dataclass(frozen=True)
class Override:
    """Who had a radiograph scored in spite of the quality gate."""

    code: str
    text: str  # such as "Scored although: lateral view. Reason: ..."
    by: str
    at: datetime | None


def stopped_of(prediction: Prediction | None) -> Stopped | None:
    """Return the text of a prediction that the quality gate has stopped; None for any other."""
    if prediction is None or prediction.outcome != PredictionOutcome.NOT_SCORED:
        return None
    heading = _("No AI result: %(kind)s") % {"kind": prediction.get_quality_code_display()}
    text = _("%(advice)s A radiologist reads the case all the same.")
    advice = str(ADVICE.get(prediction.quality_code, ""))
    return Stopped(prediction.quality_code, heading, text % {"advice": advice})


def override_of(prediction: Prediction) -> Override | None:
    """Return who overrode the quality gate and why; None where the gate did not stop the radiograph."""
    if not (prediction.override_reason and prediction.quality_code):
        return None
    text = _("Scored although: %(kind)s. Reason: %(reason)s")
    values = {"kind": prediction.get_quality_code_display(), "reason": prediction.override_reason}
    by = prediction.override_by.username if prediction.override_by else ""
    return Override(prediction.quality_code, text % values, by, prediction.override_at)
