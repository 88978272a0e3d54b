"""Decisions about training without a database: parameters, required labels and the times of the schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from diagnostics.findings import Finding
from diagnostics.training.errors import InvalidParameters, TooFewLabels
from ml.datasets import patient_split
from ml.recipes import RECIPES, TrainingSpec

MAX_BATCH_SIZE: Final = 128
MAX_EPOCHS: Final = 100


class Recipe(TextChoices):
    """The recipes offered to administrators."""

    FINE_TUNE = "vgg16-finetune", gettext_lazy("VGG16, fine-tuned from the active version")
    SCRATCH = "vgg16-scratch", gettext_lazy("VGG16, from scratch")
    SMALL = "scratch-cnn", gettext_lazy("Small network, from scratch")
    TINY = "tiny-cnn", gettext_lazy("Tiny network, for tests")
    RESNEXT = "resnext50", gettext_lazy("ResNeXt-50, from scratch")


@dataclass(frozen=True)
class Parameters:
    """The training parameters that a user may choose; raises InvalidParameters."""

    recipe: str = Recipe.FINE_TUNE.value
    epochs: int = RECIPES[Recipe.FINE_TUNE].epochs
    seed: int = RECIPES[Recipe.FINE_TUNE].seed
    batch_size: int = RECIPES[Recipe.FINE_TUNE].batch_size
    learning_rate: float = RECIPES[Recipe.FINE_TUNE].learning_rate

    def __post_init__(self) -> None:
        if self.recipe not in Recipe.values:
            raise InvalidParameters(_("Unknown recipe."))
        if not 1 <= self.epochs <= MAX_EPOCHS:
            raise InvalidParameters(_("Choose between 1 and %(limit)d epochs.") % {"limit": MAX_EPOCHS})
        if not 1 <= self.batch_size <= MAX_BATCH_SIZE or not 0 < self.learning_rate <= 1 or self.seed < 0:
            raise InvalidParameters(_("The batch size, the learning rate or the seed is out of range."))

    @classmethod
    def of(
        cls,
        recipe: str,
        *,
        epochs: int | None = None,
        seed: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
    ) -> Self:
        """Return parameters with the recipe's own value for each one that is None."""
        defaults = RECIPES.get(recipe)
        if defaults is None:
            raise InvalidParameters(_("Unknown recipe."))
        return cls(
            recipe=recipe,
            epochs=defaults.epochs if epochs is None else epochs,
            seed=defaults.seed if seed is None else seed,
            batch_size=defaults.batch_size if batch_size is None else batch_size,
            learning_rate=defaults.learning_rate if learning_rate is None else learning_rate,
        )

    def spec(self) -> TrainingSpec:
        """Return the training specification for `ml`."""
        values = asdict(self)
        return replace(RECIPES[values.pop("recipe")], **values)

    def as_json(self) -> dict[str, Any]:
        """Return the parameters as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class ClassCount:
    """The number of cases and patients with one finding, and the number of patients required."""

    finding: str
    cases: int
    patients: int
    required: int = patient_split.MIN_PATIENTS

    @property
    def label(self) -> str:
        return str(Finding(self.finding).label)

    @property
    def sufficient(self) -> bool:
        return self.patients >= self.required


def require_enough_labels(counts: Sequence[ClassCount]) -> None:
    """Raise TooFewLabels with the current counts unless enough findings have enough patients."""
    if sum(count.sufficient for count in counts) >= patient_split.MIN_CLASSES:
        return
    current = "; ".join(f"{count.label}: {count.patients}" for count in counts)
    raise TooFewLabels(
        _(
            "Too few findings: at least %(classes)d findings need radiographs of %(patients)d patients each. "
            "Current patients: %(current)s."
        )
        % {
            "classes": patient_split.MIN_CLASSES,
            "patients": patient_split.MIN_PATIENTS,
            "current": current,
        }
    )


def first_slot(*, after: datetime, at_hour: int, zone: ZoneInfo) -> datetime:
    """Return the first time at or after a moment with the given full hour in the site's time zone."""
    local = after.astimezone(zone)
    slot = datetime.combine(local.date(), time(at_hour), zone)
    return slot if slot >= local else datetime.combine(local.date() + timedelta(days=1), time(at_hour), zone)


def next_slot(
    *, changed_at: datetime, evaluated_at: datetime | None, every_days: int, at_hour: int, zone: ZoneInfo
) -> datetime:
    """Return the next evaluation of the schedule: every N days, but not before its last change."""
    slot = first_slot(after=changed_at, at_hour=at_hour, zone=zone)
    if evaluated_at is None:
        return slot
    day = evaluated_at.astimezone(zone).date() + timedelta(days=every_days)
    return max(slot, datetime.combine(day, time(at_hour), zone))


def seconds_remaining(epoch_seconds: list[float], epochs: int, *, started: float = 0.0) -> float | None:
    """Estimate the remaining time from the completed epochs; None before the first one is complete.

    `started` is the completed share of the current epoch, 0 to 1.
    """
    if not epoch_seconds:
        return None
    return sum(epoch_seconds) / len(epoch_seconds) * max(0, epochs - len(epoch_seconds) - started)
