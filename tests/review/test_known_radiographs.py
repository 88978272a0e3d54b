"""Gold cases and repeats: known radiographs that a reader cannot tell from others, and what they measure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoCaptureOnCommitCallbacks
from pytest_django.fixtures import Settings
from rest_framework.authtoken.models import Token
from sklearn.metrics import cohen_kappa_score

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import storage
from diagnostics.cases.errors import NoFreeReference
from diagnostics.cases.models import Case, Prediction, Radiograph
from diagnostics.cases.selectors import case_with_same_pixels, visible_to
from diagnostics.cases.services import control_copies
from diagnostics.cases.services.blinding import record_prediction_shown
from diagnostics.errors import NotAllowed
from diagnostics.review.errors import AssistedReadingPending
from diagnostics.review.models import (
    Consensus,
    ConsensusStatus,
    ControlCase,
    ControlPurpose,
    Reading,
    ReadingPolicy,
    ReferenceCase,
)
from diagnostics.review.selectors import (
    automation_bias,
    model_performance,
    queues,
    reader_agreement,
    reader_performance,
    training_labels,
)
from diagnostics.review.selectors import readings as readings_selectors
from diagnostics.review.services import assisted_reading, claiming, control_cases, readings, reference_cases
from ml.images.reading import read_radiograph
from tests.radiographs import radiograph_png
from tests.review.conftest import Admit, Classify

ALWAYS = Random(1)
MONTH = timedelta(days=31)


@pytest.fixture(autouse=True)
def _radiographs_on_disk(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def golden_policy(site: Site) -> ReadingPolicy:
    """Put a gold case before a reader after every second radiograph, and a repeat after every other."""
    return ReadingPolicy.objects.create(site=site, gold_percent=50, repeat_percent=50)


class Drawn(Random):
    """A chance that falls as told: below `share` of 1, and always the first of several."""

    def __init__(self, share: float) -> None:
        super().__init__(0)
        self._share = share

    def random(self) -> float:
        return self._share

    def randrange(self, start: int, *_more: int) -> int:  # type: ignore[override]
        return 0


GOLD, REPEAT, NEITHER = Drawn(0.0), Drawn(0.5), Drawn(0.999)


@pytest.fixture
def known(admit: Admit, second_radiologist: User, administrator: User, now: datetime) -> Case:
    """A radiograph with files, read by a colleague and known to show COVID-19."""
    return _gold(admit(900, patient="public-17"), "covid-19", second_radiologist, administrator, now)


def _gold(case: Case, truth: str, reader: User, administrator: User, now: datetime) -> Case:
    _write_files(case)
    readings.sign_reading(case=case, by=reader, finding="normal", now=now)
    reference_cases.set_reference_case(case=case, finding=truth, basis="rt-pcr", by=administrator, now=now)
    case.refresh_from_db()
    return case


def _write_files(case: Case) -> None:
    names = storage.radiograph_files(case.radiograph.pk)
    for name in (names.original, names.display, names.grey):
        storage.store_file(name, name.encode())


def _sign(case: Case, by: User, finding: str, now: datetime) -> Reading:
    return readings.sign_reading(case=case, by=by, finding=finding, now=now)


def _mixed(case: Case, reader: User, now: datetime, chance: Random = GOLD, finding: str = "normal") -> Case:
    copy = control_cases.add_after_reading(_sign(case, reader, finding, now), now, chance)
    assert copy is not None
    return copy


def test_a_gold_case_comes_as_an_ordinary_radiograph_of_one_reader(
    golden_policy: ReadingPolicy,
    known: Case,
    radiologist: User,
    second_radiologist: User,
    third_radiologist: User,
    technician: User,
    administrator: User,
    admit: Admit,
    now: datetime,
) -> None:
    copy = _mixed(admit(1, patient="MRN-123456"), radiologist, now)
    assert copy.copy_of == known
    assert queues.readable_cases(radiologist, now).get() == copy
    for other in (second_radiologist, third_radiologist, technician, administrator):
        assert not visible_to(other).filter(pk=copy.pk).exists()
        assert not readings_selectors.priors(known, other).filter(pk=copy.pk).exists()
    assert re.fullmatch(r"MRN-\d{6}", copy.patient_ref)
    assert copy.patient_ref not in ("MRN-123456", known.patient_ref)
    assert re.fullmatch(r"[A-Za-z]{3}-\d", copy.accession_number)
    assert (copy.opened_at, copy.priority, copy.on_worklist) == (now, "routine", True)
    assert copy.due_at > now
    assert not readings_selectors.priors(copy, radiologist).exists()
    assert Prediction.objects.get(case=copy).status == "queued"


def test_a_copy_has_the_radiograph_of_its_original_under_names_of_its_own(
    golden_policy: ReadingPolicy, known: Case, radiologist: User, admit: Admit, now: datetime
) -> None:
    copy = _mixed(admit(1), radiologist, now)
    old, new = known.radiograph, Radiograph.objects.get(case=copy)
    assert (new.view, new.sex, new.age, new.bits) == (old.view, old.sex, old.age, old.bits)
    assert new.pixel_sha256 == old.pixel_sha256
    names = storage.radiograph_files(new.pk)
    assert storage.path(names.display).read_bytes() == storage.radiograph_files(old.pk).display.encode()
    assert storage.path(names.grey).exists()
    assert new.display == names.display
    # Whoever uploads the radiograph again is led to the original.
    assert case_with_same_pixels(site_id=known.site_id, pixel_sha256=old.pixel_sha256) == known


def test_what_a_reader_is_sent_does_not_tell_a_copy_from_a_radiograph(
    client: Client,
    golden_policy: ReadingPolicy,
    known: Case,
    radiologist: User,
    admit: Admit,
    classify: Classify,
    now: datetime,
) -> None:
    copy, plain = _mixed(admit(1), radiologist, now), admit(2)
    Prediction.objects.filter(case=copy).delete()
    for case in (copy, plain):
        classify(case)
    client.force_login(radiologist)
    token = {"Authorization": f"Token {Token.objects.create(user=radiologist).key}"}

    def sent(case: Case) -> tuple[set[str], list[str]]:
        api = client.get(reverse("api-case", args=[case.pk]), headers=token).json()
        pages = [
            client.get(reverse(name, args=[case.pk])).content.decode()
            for name in ("review:case", "cases:case")
        ]
        states = [client.get(reverse("review:worklist"), {"status": each}) for each in ("", "final")]
        rows = [
            row for each in states for row in re.findall(r"<tr.*?</tr>", each.content.decode(), re.DOTALL)
        ]
        (row,) = (row for row in rows if str(case.pk) in row)
        return _keys(api), [re.sub(r"<[^>]*>", " ", text) for text in (*pages, row)]

    for case in (copy, plain):
        keys, texts = sent(case)
        assert not any("copy" in key or "gold" in key or "shown_only" in key for key in keys)
        for text in texts:
            assert not re.search(r"gold|known truth|copy|repeat|public-17|ACC-900", text, re.IGNORECASE)
    assert sent(copy)[0] == sent(plain)[0]
    for case in (copy, plain):
        _sign(case, radiologist, "normal", now)
    assert sent(copy)[0] == sent(plain)[0]
    signed = [client.get(reverse("review:case", args=[case.pk])).content.decode() for case in (copy, plain)]
    headings = [re.findall(r"<h\d.*?</h\d>", text, re.DOTALL) for text in signed]
    assert len(headings[0]) == len(headings[1])
    assert "colleague" not in signed[0]


def _keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(_keys, value.values()))
    return set().union(*map(_keys, value)) if isinstance(value, list) else set()


def test_who_has_read_or_seen_a_radiograph_is_not_given_it_as_gold(
    golden_policy: ReadingPolicy,
    known: Case,
    second_radiologist: User,
    third_radiologist: User,
    radiologist: User,
    admit: Admit,
    classify: Classify,
    now: datetime,
) -> None:
    record_prediction_shown(third_radiologist, [classify(known)], now)
    for number, reader in enumerate((second_radiologist, third_radiologist), start=1):
        assert control_cases.add_after_reading(_sign(admit(number), reader, "normal", now), now, GOLD) is None
    assert _mixed(admit(3), radiologist, now).copy_of == known
    # The same radiograph comes once to a reader, read or not.
    assert control_cases.add_after_reading(_sign(admit(4), radiologist, "normal", now), now, GOLD) is None


def test_a_retired_gold_case_comes_to_nobody(
    golden_policy: ReadingPolicy,
    known: Case,
    radiologist: User,
    administrator: User,
    admit: Admit,
    now: datetime,
) -> None:
    reference_cases.retire_reference_case(case=known, by=administrator, now=now)
    assert control_cases.add_after_reading(_sign(admit(1), radiologist, "normal", now), now, GOLD) is None


def test_the_shares_are_kept_and_nothing_is_mixed_in_unasked(
    site: Site, known: Case, radiologist: User, admit: Admit, now: datetime
) -> None:
    reading = _sign(admit(1), radiologist, "normal", now)
    assert control_cases.add_after_reading(reading, now, GOLD) is None
    ReadingPolicy.objects.create(site=site, gold_percent=10, repeat_percent=5)
    for share in (0.10, 0.149, 0.15, 0.9):  # a repeat or nothing; no radiograph was read long ago
        assert control_cases.add_after_reading(reading, now, Drawn(share)) is None
    assert control_cases.add_after_reading(reading, now, Drawn(0.099)) is not None


def test_a_copy_calls_up_no_copy(
    golden_policy: ReadingPolicy, known: Case, radiologist: User, admit: Admit, now: datetime
) -> None:
    copy = _mixed(admit(1), radiologist, now)
    _sign(admit(2), radiologist, "normal", now - MONTH)  # something to repeat
    assert control_cases.add_after_reading(_sign(copy, radiologist, "normal", now), now, REPEAT) is None


def test_a_radiograph_comes_again_after_four_weeks_and_once(
    golden_policy: ReadingPolicy, radiologist: User, admit: Admit, now: datetime
) -> None:
    early, late = admit(1), admit(2)
    for case, days in ((early, 29), (late, 27)):
        _write_files(case)
        _sign(case, radiologist, "pneumonia", now - timedelta(days=days))
    copy = _mixed(admit(3), radiologist, now, REPEAT)
    assert copy.copy_of == early
    assert ControlCase.objects.get(case=copy).purpose == ControlPurpose.REPEAT
    claiming.claim(case=copy, by=radiologist, now=now)
    assert control_cases.add_after_reading(_sign(admit(4), radiologist, "normal", now), now, REPEAT) is None


def test_signing_mixes_in_by_itself_and_never_fails_for_it(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    site: Site,
    known: Case,
    radiologist: User,
    admit: Admit,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ReadingPolicy.objects.create(site=site, gold_percent=50)
    monkeypatch.setattr(control_cases.add_after_reading, "__defaults__", (GOLD,))
    names = storage.radiograph_files(known.radiograph.pk)
    grey = storage.path(names.grey)
    content = grey.read_bytes()
    grey.unlink()
    with django_capture_on_commit_callbacks(execute=True):
        _sign(admit(1), radiologist, "normal", now)
    assert Case.objects.filter(copy_of__isnull=False).count() == 0
    assert len(list(storage.path("radiographs").rglob("*.png"))) == 1  # nothing is left of the attempt
    grey.write_bytes(content)
    with django_capture_on_commit_callbacks(execute=True):
        _sign(admit(2), radiologist, "normal", now)
    assert Case.objects.get(copy_of=known).shown_only_to == radiologist


def test_no_known_radiograph_teaches(
    golden_policy: ReadingPolicy,
    known: Case,
    radiologist: User,
    second_radiologist: User,
    other_site: Site,
    stranger: User,
    admit: Admit,
    now: datetime,
) -> None:
    plain = admit(1)
    copy = _mixed(plain, radiologist, now)
    _sign(copy, radiologist, "covid-19", now)
    elsewhere = admit(2, at=other_site)  # the same radiograph at another hospital
    Radiograph.objects.filter(case=elsewhere).update(pixel_sha256=known.radiograph.pixel_sha256)
    _sign(elsewhere, stranger, "normal", now)
    assert Consensus.objects.get(case=elsewhere).standing == ConsensusStatus.FINAL
    assert [reading.case for reading in training_labels.training_readings()] == [plain]
    ReferenceCase.objects.all().delete()
    assert {reading.case for reading in training_labels.training_readings()} == {plain, known, elsewhere}


def test_copies_count_in_no_other_figure(
    golden_policy: ReadingPolicy,
    known: Case,
    radiologist: User,
    administrator: User,
    admit: Admit,
    classify: Classify,
    now: datetime,
) -> None:
    copy = _mixed(admit(1), radiologist, now)
    claiming.claim(case=copy, by=radiologist, now=now)
    copy.claims.update(served="random")
    Prediction.objects.filter(case=copy).delete()
    classify(copy)
    _sign(copy, radiologist, "covid-19", now)
    record_prediction_shown(radiologist, list(copy.predictions.all()), now)
    assisted_reading.keep_reading(case=copy, by=radiologist, now=now)
    for user in (administrator, radiologist):
        assert copy.pk not in reader_agreement.first_readings(user).values_list("case", flat=True)
        assert automation_bias.automation_bias(user).looked == 0
        assert model_performance.model_performance(user).sensitivity.of == 0


def test_a_copy_with_two_readers_waits_as_others_do_and_then_is_final(
    golden_policy: ReadingPolicy, known: Case, radiologist: User, admit: Admit, now: datetime
) -> None:
    copy = _mixed(admit(1), radiologist, now)
    ReadingPolicy.objects.update(double_read_percent=100)
    _sign(copy, radiologist, "covid-19", now)
    assert Consensus.objects.get(case=copy).standing == ConsensusStatus.SECOND_READ
    soon, later = now + timedelta(minutes=239), now + timedelta(minutes=241)
    for at, standing in ((soon, ConsensusStatus.SECOND_READ), (later, ConsensusStatus.FINAL)):
        control_cases.add_after_reading(_sign(admit(at.minute), radiologist, "normal", at), at, NEITHER)
        assert Consensus.objects.get(case=copy).standing == standing
    copy.refresh_from_db()
    assert copy.finalized_at is not None


def test_readers_are_measured_by_first_readings_of_gold_cases(
    golden_policy: ReadingPolicy,
    radiologist: User,
    second_radiologist: User,
    administrator: User,
    admit: Admit,
    now: datetime,
) -> None:
    truths = ["covid-19"] * 3 + ["normal", "pneumonia", "normal"]
    said = ["covid-19", "normal", "cannot-judge", "pneumonia", "covid-19", "cannot-judge"]
    for number, (truth, finding) in enumerate(zip(truths, said, strict=True)):
        _gold(admit(100 + number), truth, second_radiologist, administrator, now)
        copy = _mixed(admit(200 + number), radiologist, now)
        reading = _sign(copy, radiologist, finding, now)
    readings.amend_reading(
        reading=reading,
        by=radiologist,
        finding="normal",
        confidence="sure",
        note="",
        reason="On reflection.",
        now=now,
    )
    (row,) = reader_performance.reference_performance(administrator)
    assert row.reader == "radiologist"
    assert (row.sensitivity.right, row.sensitivity.of) == (1, 3)
    assert (row.specificity.right, row.specificity.of) == (1, 3)  # pneumonia for normal is no COVID-19
    assert row.cannot_judge == 2
    assert [(known.read, known.served) for known in reference_cases.reference_cases(administrator)] == [
        (1, 1)
    ] * 6


def test_agreement_with_oneself_is_that_of_scikit_learn(
    golden_policy: ReadingPolicy, radiologist: User, administrator: User, admit: Admit, now: datetime
) -> None:
    first = ["normal", "normal", "pneumonia", "covid-19", "covid-19", "other"]
    second = ["normal", "pneumonia", "pneumonia", "covid-19", "normal", "other"]
    for number, finding in enumerate(first):
        case = admit(number)
        _write_files(case)
        _sign(case, radiologist, finding, now - MONTH)
    pairs = []
    for number in range(6):
        copy = _mixed(admit(50 + number), radiologist, now, REPEAT)
        assert copy.copy_of is not None
        place = int(copy.copy_of.accession_number.removeprefix("ACC-"))
        _sign(copy, radiologist, second[place], now)
        pairs.append((first[place], second[place]))
    (row,) = reader_performance.intra_reader_agreement(administrator)
    assert (row.reader, row.same, row.kappa.cases) == ("radiologist", 4, 6)
    assert row.kappa.value == pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True)))


def test_other_sites_measure_nothing_here(
    golden_policy: ReadingPolicy,
    known: Case,
    radiologist: User,
    other_site: Site,
    admit: Admit,
    now: datetime,
) -> None:
    _sign(_mixed(admit(1), radiologist, now), radiologist, "covid-19", now)
    overseer = User.objects.create_user("overseer", role="administrator")
    overseer.sites.set([other_site])
    assert reader_performance.reference_performance(overseer) == []
    assert not reference_cases.reference_cases(overseer).exists()
    with pytest.raises(NotAllowed):
        reference_cases.set_reference_case(case=known, finding="normal", basis="ct", by=overseer, now=now)
    with pytest.raises(NotAllowed):
        reference_cases.retire_reference_case(case=known, by=overseer, now=now)


def test_only_administrators_set_a_truth_and_never_of_a_radiograph_that_waits(
    known: Case, radiologist: User, administrator: User, admit: Admit, now: datetime
) -> None:
    with pytest.raises(NotAllowed):
        reference_cases.set_reference_case(case=known, finding="normal", basis="ct", by=radiologist, now=now)
    waiting, imported = admit(1), admit(2)
    Case.objects.filter(pk=imported.pk).update(on_worklist=False)
    imported.refresh_from_db()
    with pytest.raises(AssistedReadingPending):
        reference_cases.set_reference_case(
            case=waiting, finding="normal", basis="ct", by=administrator, now=now
        )
    reference_cases.set_reference_case(
        case=imported, finding="normal", basis="collection", by=administrator, now=now
    )
    assert AuditEvent.objects.filter(action=Action.REFERENCE_CASE_SET).count() == 2


def test_the_record_names_the_copy_and_no_patient(
    golden_policy: ReadingPolicy, known: Case, radiologist: User, admit: Admit, now: datetime
) -> None:
    copy = _mixed(admit(1), radiologist, now)
    event = AuditEvent.objects.get(action=Action.CONTROL_CASE_ADDED)
    assert (event.by, event.target_id, event.detail["radiograph of"]) == (None, str(copy.pk), str(known.pk))
    assert copy.patient_ref not in json.dumps(event.detail)


def test_made_up_references_keep_the_manner_and_are_free() -> None:
    def made(text: str, taken: Callable[[str], bool] = lambda _made: False) -> str:
        return control_copies.similar_reference(text, taken=taken, chance=chance)

    chance = Random(5)
    near = {made("MRN-00412") for _each in range(50)}
    assert all(re.fullmatch(r"MRN-004\d\d", each) for each in near)
    assert "MRN-00412" not in near
    assert len(near) > 20
    # Where hospitals count their patients, those near are taken.
    assert int(made("MRN-00412", lambda each: int(each[4:]) < 700)[4:]) >= 700
    assert re.fullmatch(r"MRN-0\d{4}", made("MRN-00000", lambda each: each < "MRN-00200"))
    assert all(made("90")[0] != "0" for _each in range(50))
    assert re.fullmatch(r"[A-Z][a-z]{9} b", made("Radiograph b"))
    for text in ("7", "---", ""):
        with pytest.raises(NoFreeReference):
            made(text, lambda _each: True)


def test_a_patient_who_comes_to_bear_a_made_up_reference_has_no_earlier_radiograph(
    golden_policy: ReadingPolicy, known: Case, radiologist: User, admit: Admit, now: datetime
) -> None:
    copy = _mixed(admit(1), radiologist, now)
    real = admit(2, patient=copy.patient_ref)
    Case.objects.filter(pk=real.pk).update(opened_at=now + timedelta(hours=1))
    real.refresh_from_db()
    assert not readings_selectors.priors(real, radiologist).exists()


def test_a_copy_without_its_reader_cannot_be_written(known: Case, admit: Admit) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Case.objects.filter(pk=admit(1).pk).update(copy_of=known)


def test_the_pages_set_and_retire_a_gold_case(client: Client, administrator: User, admit: Admit) -> None:
    case = admit(1)
    Case.objects.filter(pk=case.pk).update(on_worklist=False)
    client.force_login(administrator)
    address = reverse("review:gold-case", args=[case.pk])
    assert address in client.get(reverse("cases:case", args=[case.pk])).content.decode()
    assert client.get(address).status_code == 200
    wrong = client.post(address, {"finding": "cannot-judge", "basis": "ct"})
    assert wrong.status_code == 400
    assert not ReferenceCase.objects.exists()
    client.post(address, {"finding": "covid-19", "basis": "ct"})
    listed = client.get(reverse("review:gold")).content.decode()
    assert "COVID-19" in listed
    assert "read by 0 of 0" in listed
    client.post(reverse("review:gold-retire", args=[case.pk]))
    assert ReferenceCase.objects.get().retired_at is not None
    assert "retired" in client.get(reverse("review:gold")).content.decode()


def test_the_readers_page_shows_both_measures(
    client: Client,
    golden_policy: ReadingPolicy,
    known: Case,
    radiologist: User,
    administrator: User,
    admit: Admit,
    now: datetime,
) -> None:
    _sign(_mixed(admit(1), radiologist, now), radiologist, "covid-19", now)
    client.force_login(administrator)
    html = re.sub(r"\s+", " ", client.get(reverse("review:readers")).content.decode())
    assert '<th scope="row">radiologist</th><td class="rr-num">1 / 1</td>' in html
    assert "too few" in html


def test_the_same_radiograph_uploaded_again_is_the_original(
    client: Client, golden_policy: ReadingPolicy, known: Case, radiologist: User, admit: Admit, now: datetime
) -> None:
    content = radiograph_png(3)
    Radiograph.objects.filter(case=known).update(pixel_sha256=read_radiograph(content).pixel_sha256)
    known.refresh_from_db()
    copy = _mixed(admit(1), radiologist, now)
    assert copy.radiograph.pixel_sha256 == read_radiograph(content).pixel_sha256
    client.force_login(radiologist)
    radiograph = SimpleUploadedFile("radiograph.png", content, content_type="image/png")
    sent = {"radiographs": radiograph, "patient_ref": known.patient_ref, "priority": "routine"}
    answer = client.post(reverse("cases:upload"), sent, HTTP_ACCEPT="application/json")
    (outcome,) = answer.json()["outcomes"]
    assert str(known.pk) in json.dumps(outcome)
    assert str(copy.pk) not in json.dumps(outcome)
