"""Random rows and random changes of everything that the kept figures count, by SQL and past all services."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from django.db.models import Q

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case, Prediction, Radiograph
from diagnostics.findings import Finding
from diagnostics.imports.models import Import, ImportedFile, ImportedLabel
from diagnostics.review.models import (
    AssistedReading,
    Claim,
    Consensus,
    ControlCase,
    Reading,
    ReferenceCase,
)

CASES = 40
FEW = list(Finding.values)
SCORES = (0.1, 0.5, 0.9)


class RandomChanges:
    """Cases at several sites that change at random."""

    def __init__(self, seed: int, *, sites: list[Site], readers: list[User], now: datetime) -> None:
        self.random, self.sites, self.readers, self.now = Random(seed), sites, readers, now
        self.imported = Import.objects.create(
            number=1, stage="importing", status="done", requested_by=readers[0], site=sites[0], queued_at=now
        )
        self.position = 0
        self.cases = [self.add_case() for _case in range(CASES)]

    def change(self) -> None:
        """Make one change."""
        for _attempt in range(20):
            if self.random.choice(CHANGES)(self):
                return

    def add_case(self, copy_of: Case | None = None) -> Case:
        """Add a case of one of few patients, with pixels that some cases of other sites have too."""
        self.position += 1
        site = copy_of.site if copy_of else self.sites[self.position % len(self.sites)]
        case = Case.objects.create(
            site=site,
            patient_ref=f"MRN-{self.random.randrange(12)}",
            opened_by=self.readers[0],
            opened_at=self.now - timedelta(days=10, hours=self.random.randrange(100)),
            due_at=self.at() + timedelta(days=3),
            priority=self.random.choice(("stat", "urgent", "routine")),
            copy_of=copy_of,
            shown_only_to=self.random.choice(self.readers) if copy_of else None,
        )
        Radiograph.objects.create(
            case=case,
            site=site,
            pixel_sha256=copy_of.radiograph.pixel_sha256 if copy_of else self._pixels(),
            width=9,
            height=9,
            bits=8,
            view=self.random.choice(("PA", "AP", "")),
            sex=self.random.choice(("F", "M", "")),
            is_control_copy=copy_of is not None,
        )
        return case

    def _pixels(self) -> str:
        return f"{self.position // len(self.sites):064}"

    def case(self) -> Case:
        return self.random.choice(self.cases)

    def finding(self) -> str:
        return self.random.choice(FEW)

    def at(self) -> datetime:
        return self.now - timedelta(minutes=self.random.randrange(60 * 24 * 10))

    def sign(self) -> bool:
        case, by = self.case(), self.random.choice(self.readers)
        if Reading.objects.standing().filter(case=case, by=by, supersedes=None).exists():
            return False
        kind = self.random.choice(("reading", "reading", "second-opinion", "adjudication"))
        Reading.objects.create(case=case, by=by, kind=kind, finding=self.finding(), signed_at=self.at())
        return True

    def amend(self) -> bool:
        first = self._reading(superseded_by=None)
        if first is None:
            return False
        Reading.objects.create(
            case=first.case, by=first.by, finding=self.finding(), signed_at=self.at(), supersedes=first
        )
        return True

    def undo(self) -> bool:
        found = self._reading(superseded_by=None, supersedes=None)
        return bool(found and Reading.objects.filter(pk=found.pk).update(withdrawn_at=self.now))

    def decide(self) -> bool:
        case, is_final = self.case(), self.random.random() < 0.8
        finding = self.finding() if is_final else ""
        Consensus.objects.update_or_create(
            case=case,
            defaults={
                "readers_needed": 1,
                "status": "final" if is_final else "needs-adjudication",
                "finding": finding,
            },
        )
        Case.objects.filter(pk=case.pk).update(finalized_at=self.at() if is_final else None)
        return True

    def agree(self) -> bool:
        """Make the finding of a reading the final one, as most cases have it."""
        found = self._reading(supersedes=None)
        if found is None:
            return False
        values = {"readers_needed": 1, "status": "final", "finding": found.finding}
        Consensus.objects.update_or_create(case=found.case, defaults=values)
        return True

    def reopen(self) -> bool:
        return bool(Consensus.objects.filter(case=self.case()).delete()[0])

    def withdraw_or_reinstate(self) -> bool:
        case = Case.objects.get(pk=self.case().pk)
        Case.objects.filter(pk=case.pk).update(withdrawn_at=None if case.withdrawn_at else self.now)
        return True

    def move(self) -> bool:
        """Move all cases of a patient to another one, in one statement."""
        old, new = (f"MRN-{self.random.randrange(12)}" for _patient in range(2))
        return bool(Case.objects.filter(patient_ref=old).update(patient_ref=new))

    def correct(self) -> bool:
        return bool(Radiograph.objects.filter(case=self.case()).update(view="AP", sex="M"))

    def prioritise(self) -> bool:
        priority = self.random.choice(("stat", "urgent", "routine"))
        changes = {"priority": priority, "due_at": self.at() + timedelta(days=3)}
        return bool(Case.objects.filter(pk=self.case().pk).update(**changes))

    def predict(self) -> bool:
        case, finding = self.case(), self.finding()
        Prediction.objects.create(
            case=case,
            status="done",
            queued_at=self.at(),
            finding=self.random.choice((finding, "")),
            outcome=self.random.choice(("", "finding", "indeterminate")),
            probabilities={"covid-19": self.random.choice(SCORES)} if self.random.random() < 0.9 else {},
            operating_points={"covid-19": 0.4} if self.random.random() < 0.5 else {},
        )
        return True

    def assist(self) -> bool:
        reading = self._reading(assisted_reading=None)
        prediction = Prediction.objects.filter(case=reading.case).first() if reading else None
        if reading is None or prediction is None:
            return False
        AssistedReading.objects.create(
            reading=reading, prediction=prediction, finding=self.finding(), at=self.now
        )
        return True

    def draw(self) -> bool:
        served = self.random.choice(("random", "due"))
        times = dict.fromkeys(("since", "until", "ended_at"), self.now)
        Claim.objects.create(case=self.case(), by=self.readers[0], served=served, **times)
        return True

    def refer(self) -> bool:
        case = self.random.choice([case for case in self.cases if case.copy_of is None])
        ReferenceCase.objects.update_or_create(
            case=case,
            defaults={"finding": "covid-19", "basis": "ct", "by": self.readers[0], "at": self.now},
        )
        return True

    def copy(self) -> bool:
        known = list(ReferenceCase.objects.select_related("case__radiograph"))
        if not known:
            return False
        purpose = self.random.choice(("reference", "repeat"))
        copy = self.add_case(self.random.choice(known).case)
        ControlCase.objects.create(case=copy, purpose=purpose)
        self.cases.append(copy)
        return True

    def label(self) -> bool:
        """Add an imported label; some cases get several, which agree or conflict."""
        case, finding = self.case(), self.random.choice(("covid-19", "normal"))
        if case.copy_of is not None:
            return False
        self.position += 1
        file = ImportedFile.objects.create(
            import_job=self.imported,
            position=self.position,
            path="a.png",
            finding=finding,
            patient_ref=case.patient_ref,
            case=case,
            status="duplicate",
        )
        ImportedLabel.objects.create(
            case=case,
            finding=finding,
            collection="Cohen",
            source=self.random.choice(("cohen", "sirm")),
            import_job=self.imported,
            file=file,
            opened_case=False,
            imported_at=self.at(),
        )
        return True

    def erase(self) -> bool:
        """Delete a case with its rows, except one that others refer to."""
        case = self.case()
        if Case.objects.filter(copy_of=case).exists() or len(self.cases) < CASES // 2:
            return False
        self.cases.remove(case)
        _delete(case.pk)
        return True

    def _reading(self, **conditions: object) -> Reading | None:
        found = Reading.objects.standing().filter(case=self.case(), **conditions)
        return found.order_by("pk").first()


CHANGES: tuple[Callable[[RandomChanges], bool], ...] = (
    *(RandomChanges.sign,) * 6,
    *(RandomChanges.agree, RandomChanges.predict) * 3,
    *(RandomChanges.amend, RandomChanges.undo, RandomChanges.decide, RandomChanges.reopen),
    *(RandomChanges.withdraw_or_reinstate, RandomChanges.move, RandomChanges.correct),
    RandomChanges.prioritise,
    *(RandomChanges.assist, RandomChanges.draw) * 2,
    *(RandomChanges.refer, RandomChanges.copy, RandomChanges.label, RandomChanges.erase),
)


def _delete(case: UUID) -> None:
    AssistedReading.objects.filter(Q(reading__case=case) | Q(prediction__case=case)).delete()
    Reading.objects.filter(case=case, superseded_by=None).delete()
    while Reading.objects.filter(case=case).exists():
        Reading.objects.filter(case=case, superseded_by=None).delete()
    for model in (Claim, Consensus, ControlCase, ReferenceCase, ImportedLabel, Prediction, Radiograph):
        model._default_manager.filter(case=case).delete()
    ImportedFile.objects.filter(case=case).delete()
    Case.objects.filter(pk=case).delete()
