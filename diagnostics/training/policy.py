"""Decisions about training that need no database: settings, enough labels, when it is due."""

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
from ml import recipes
from ml.datasets import patient_split
from ml.recipes import TrainingSpec

LARGEST_BATCH: Final = 128
MOST_EPOCHS: Final = 100


class Preset(TextChoices):
    """The recipes an administrator may choose from."""

    FINE_TUNE = "vgg16-finetune", gettext_lazy("VGG16, continued from the version in force")
    SCRATCH = "vgg16-scratch", gettext_lazy("VGG16, from the beginning")
    SMALL = "scratch-cnn", gettext_lazy("Small network, from the beginning")
    TINY = "tiny-cnn", gettext_lazy("Tiny network, for trying out")
    RESNEXT = "resnext50", gettext_lazy("ResNeXt-50, from the beginning")


@dataclass(frozen=True)
class Parameters:
    """What a person may choose about a run."""

    preset: str = Preset.FINE_TUNE.value
    epochs: int = recipes.RECIPES[Preset.FINE_TUNE].epochs
    seed: int = recipes.RECIPES[Preset.FINE_TUNE].seed
    batch_size: int = recipes.RECIPES[Preset.FINE_TUNE].batch_size
    learning_rate: float = recipes.RECIPES[Preset.FINE_TUNE].learning_rate

    def __post_init__(self) -> None:
        if self.preset not in Preset.values:
            raise InvalidParameters(_("This recipe is not known."))
        if not 1 <= self.epochs <= MOST_EPOCHS:
            raise InvalidParameters(_("Choose between 1 and %(most)d epochs.") % {"most": MOST_EPOCHS})
        if not 1 <= self.batch_size <= LARGEST_BATCH or not 0 < self.learning_rate <= 1 or self.seed < 0:
            raise InvalidParameters(_("The batch size, the learning rate or the seed is out of range."))

    @classmethod
    def of(
        cls,
        preset: str,
        *,
        epochs: int | None = None,
        seed: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
    ) -> Self:
        """Take a recipe's own values wherever nobody chose another."""
        recipe = recipes.RECIPES.get(preset)
        if recipe is None:
            raise InvalidParameters(_("This recipe is not known."))
        return cls(
            preset=preset,
            epochs=recipe.epochs if epochs is None else epochs,
            seed=recipe.seed if seed is None else seed,
            batch_size=recipe.batch_size if batch_size is None else batch_size,
            learning_rate=recipe.learning_rate if learning_rate is None else learning_rate,
        )

    def spec(self) -> TrainingSpec:
        """Give the recipe that ml follows."""
        chosen = asdict(self)
        return replace(recipes.RECIPES[chosen.pop("preset")], **chosen)

    def as_json(self) -> dict[str, Any]:
        """Give the values that the run's row keeps."""
        return asdict(self)


@dataclass(frozen=True)
class ClassCount:
    """How many cases and patients one finding has, and how many patients it needs."""

    finding: str
    cases: int
    patients: int
    needed: int = patient_split.FEWEST_PATIENTS

    @property
    def label(self) -> str:
        return str(Finding(self.finding).label)

    @property
    def enough(self) -> bool:
        return self.patients >= self.needed


def refuse_too_few(counts: Sequence[ClassCount]) -> None:
    """Raise TooFewLabels, saying what is missing, unless enough findings have enough patients."""
    if sum(count.enough for count in counts) >= patient_split.FEWEST_CLASSES:
        return
    have = "; ".join(f"{count.label}: {count.patients}" for count in counts)
    raise TooFewLabels(
        _(
            "Too few findings: at least %(classes)d findings need radiographs of %(need)d patients each. "
            "Patients so far: %(have)s."
        )
        % {"classes": patient_split.FEWEST_CLASSES, "need": patient_split.FEWEST_PATIENTS, "have": have}
    )


def first_slot(*, after: datetime, at_hour: int, zone: ZoneInfo) -> datetime:
    """Find the first time at or after a moment when the site's clock shows a full hour of the day."""
    local = after.astimezone(zone)
    slot = datetime.combine(local.date(), time(at_hour), zone)
    return slot if slot >= local else datetime.combine(local.date() + timedelta(days=1), time(at_hour), zone)


def next_slot(
    *, changed_at: datetime, considered_at: datetime | None, every_days: int, at_hour: int, zone: ZoneInfo
) -> datetime:
    """Say when the schedule looks next: every N days, yet never before it was last changed."""
    slot = first_slot(after=changed_at, at_hour=at_hour, zone=zone)
    if considered_at is None:
        return slot
    day = considered_at.astimezone(zone).date() + timedelta(days=every_days)
    return max(slot, datetime.combine(day, time(at_hour), zone))


def seconds_left(epoch_seconds: list[float], epochs: int) -> float | None:
    """Estimate what remains from the epochs so far; None before the first is over."""
    if not epoch_seconds:
        return None
    return sum(epoch_seconds) / len(epoch_seconds) * max(0, epochs - len(epoch_seconds))
