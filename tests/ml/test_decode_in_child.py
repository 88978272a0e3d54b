"""Decoding in a child: the same answers, and one more code for each way a decoder can fail."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.images import decode_in_child
from ml.images.decode_in_child import decode_radiograph_in_child
from ml.images.decoding import decode_radiograph
from ml.errors import UnreadableImage
from ml.records import DecodedRadiograph
from tests.ml.encodings import dcmtk, dicom, saved
from tests.radiographs import radiograph_dicom, radiograph_jpeg, radiograph_png, radiograph_png16

ROOT = Path(__file__).resolve().parents[2]


def large_radiograph() -> bytes:
    grain = np.random.default_rng(0).integers(0, 255, (6600, 6000), np.uint8)
    return saved(Image.fromarray(grain), "PNG", compress_level=0)


def refusal(content: bytes, **limits: float) -> str:
    with pytest.raises(UnreadableImage) as refused:
        decode_radiograph_in_child(content, **limits)  # type: ignore[arg-type]
    return refused.value.code


def same(first: DecodedRadiograph, second: DecodedRadiograph) -> bool:
    nothing = np.zeros((1, 1), np.float32)
    return replace(first, grey=nothing) == replace(second, grey=nothing) and np.array_equal(
        first.grey, second.grey
    )


@pytest.mark.parametrize(
    "content",
    [
        radiograph_png(),
        radiograph_png16(),
        radiograph_jpeg(),
        radiograph_dicom(StudyDate="20200131", PatientSex="M"),
    ],
    ids=["png", "png16", "jpeg", "dicom"],
)
def test_the_child_reads_what_this_process_would_read(content: bytes) -> None:
    assert same(decode_radiograph_in_child(content), decode_radiograph(content))


def test_the_childs_refusals_keep_their_codes() -> None:
    assert refusal(b"") == "empty_file"
    assert refusal(b"%PDF") == "unknown_format"
    assert refusal(radiograph_png()[:300]) == "damaged"
    assert refusal(radiograph_dicom(modality="CT")) == "not_an_xray_modality"


def test_a_radiograph_at_the_limit_of_size_is_read() -> None:
    assert decode_radiograph_in_child(large_radiograph()).grey.shape == (6600, 6000)


def test_the_largest_dicom_radiograph_fits_the_decoders_memory() -> None:
    grain = np.random.default_rng(0).integers(0, 4095, (5700, 5700), np.uint16)
    content = dicom(
        grain,
        bits=12,
        PhotometricInterpretation="MONOCHROME1",
        RescaleSlope=2,
        RescaleIntercept=-1000,
        WindowCenter=2000,
        WindowWidth=4000,
    )
    assert decode_radiograph_in_child(content).grey.shape == (5700, 5700)


def test_a_large_photograph_of_a_radiograph_fits_the_decoders_memory() -> None:
    grain = np.random.default_rng(0).integers(0, 255, (600, 600, 3), np.uint8)
    photograph = Image.fromarray(grain).resize((6000, 6600), Image.Resampling.NEAREST)
    assert decode_radiograph_in_child(saved(photograph, "JPEG", quality=80)).grey.shape == (6600, 6000)


def test_a_radiograph_that_takes_too_long_is_refused() -> None:
    began = time.monotonic()
    assert refusal(large_radiograph(), seconds=0.05) == "decoder_timeout"
    assert time.monotonic() - began < 5


def test_a_radiograph_that_takes_too_much_memory_is_refused() -> None:
    assert refusal(large_radiograph(), memory_bytes=500_000_000) == "decoder_memory"


def test_no_mutation_of_a_lossless_radiograph_goes_without_an_answer(tmp_path: Path) -> None:
    # GDCM aborts or segfaults on some of these; each must be a radiograph or a code.
    whole = dcmtk("dcmcjpeg", "+e1", radiograph=radiograph_dicom(size=(96, 96)), folder=tmp_path)
    random = np.random.default_rng(7)
    answers = set()
    for _ in range(60):
        broken = bytearray(whole)
        for place in random.integers(200, len(whole), 3):
            broken[place] = random.integers(256)
        try:
            decode_radiograph_in_child(bytes(broken))
        except UnreadableImage as refused:
            answers.add(refused.code)
        else:
            answers.add("radiograph")
    assert "radiograph" in answers


def test_a_killed_server_is_replaced() -> None:
    decode_radiograph_in_child(radiograph_png())
    child = decode_in_child._server._child
    assert child is not None
    child.kill()
    child.wait()
    assert decode_radiograph_in_child(radiograph_png()).height == 256


def test_threads_do_not_mix_up_their_radiographs() -> None:
    radiographs = [radiograph_png(seed) for seed in range(8)]
    found: dict[int, str] = {}

    def read(seed: int) -> None:
        found[seed] = decode_radiograph_in_child(radiographs[seed]).pixel_sha256

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {seed: decode_radiograph(radiographs[seed]).pixel_sha256 for seed in range(8)}


def test_no_file_handle_is_left_open() -> None:
    decode_radiograph_in_child(radiograph_png())
    before = len(list(Path("/proc/self/fd").iterdir()))
    for content in (radiograph_png(), radiograph_png()[:300], radiograph_dicom()):
        try:
            decode_radiograph_in_child(content)
        except UnreadableImage:
            continue
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_child_knows_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "canary")
    decode_in_child._server.stop()
    decode_radiograph_in_child(radiograph_png())
    child = decode_in_child._server._child
    assert child is not None
    assert b"canary" not in Path(f"/proc/{child.pid}/environ").read_bytes()


def test_a_daemonic_worker_may_decode() -> None:
    """Celery's prefork children are daemonic; multiprocessing would refuse them children of their own."""
    script = """
        import multiprocessing, sys
        from ml.decode import decode_radiograph_in_child
        from tests.radiographs import radiograph_png

        def work():
            assert multiprocessing.current_process().daemon
            sys.exit(0 if decode_radiograph_in_child(radiograph_png()).height == 256 else 1)

        decode_radiograph_in_child(radiograph_png())
        child = multiprocessing.get_context("fork").Process(target=work, daemon=True)
        child.start()
        child.join(20)
        sys.exit(child.exitcode)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, check=False, timeout=60)
    assert done.returncode == 0


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
def test_the_server_ends_with_its_caller() -> None:
    script = (
        "import os; from ml import decode; from tests.radiographs import radiograph_png; "
        "decode.decode_radiograph_in_child(radiograph_png()); print(decode_in_child._server._child.pid, flush=True); os._exit(9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    server = int(done.stdout)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _runs(server):
        time.sleep(0.05)
    assert not _runs(server)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return " Z " not in Path(f"/proc/{process}/stat").read_text()
