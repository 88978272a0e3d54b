"""Real DICOM peers on free loopback ports: the listener of a stack, Orthanc, and the tools of dcmtk."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pydicom
from pydicom import uid

from tests.ml.encodings import dcmtk, written
from tests.radiographs import radiograph_dicom, radiograph_grey
from tests.servers import free_port, is_listening, wait_until
from tests.template_home import ROOT

SENDER: Final = "MODALITY"
ORTHANC: Final = "ORTHANC"
LISTENER: Final = "READROOM"
START_SECONDS: Final = 60.0
# Transfer syntax -> the tool that encodes a radiograph, and the option with which storescu proposes it.
ENCODINGS: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    uid.ExplicitVRLittleEndian: (("dcmconv", "+te"), "-xe"),
    uid.ImplicitVRLittleEndian: (("dcmconv", "+ti"), "-xi"),
    uid.ExplicitVRBigEndian: (("dcmconv", "+tb"), "-xb"),
    uid.DeflatedExplicitVRLittleEndian: (("dcmconv", "+td"), "-xd"),
    uid.JPEGLosslessSV1: (("dcmcjpeg", "+e1"), "-xs"),
    uid.JPEGLossless: (("dcmcjpeg", "+el"), ""),  # dcmsend: storescu has no option for it
    uid.JPEGExtended12Bit: (("dcmcjpeg", "+ee"), "-xx"),
    uid.JPEGBaseline8Bit: (("dcmcjpeg", "+eb"), "-xy"),
    uid.JPEGLSLossless: (("dcmcjpls", "+el"), "-xt"),
    uid.JPEGLSNearLossless: (("dcmcjpls", "+en"), "-xu"),
    uid.RLELossless: (("dcmcrle",), "-xr"),
    uid.JPEG2000Lossless: ((), "-xv"),
    uid.JPEG2000: ((), "-xw"),
}


class Peer:
    """A process of a peer, ended by its own id."""

    def __init__(
        self, command: list[str], port: int, environment: Mapping[str, str] | None, log: Path
    ) -> None:
        self.port, self.log = port, log
        self._command, self._environment = command, dict(environment) if environment else None
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )
        wait_until(
            lambda: is_listening(self.port), seconds=START_SECONDS, what=f"the start of {self._command[0]}"
        )

    def kill9(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.kill9()


@contextmanager
def listener(environment: Mapping[str, str], *, site: str, port: int, **settings: str) -> Iterator[Peer]:
    """Run the DICOM listener on the home of a stack; it accepts SENDER and ORTHANC for a site."""
    own = {
        "READROOM_DICOM_PORT": str(port),
        "READROOM_DICOM_PEERS": f"{SENDER}@127.0.0.1={site},{ORTHANC}={site}",
        **settings,
    }
    log = Path(environment["READROOM_HOME"]) / "dicom-listener.log"
    command = [sys.executable, "manage.py", "dicom_listener"]
    peer = Peer(command, port, {**environment, **own}, log)
    try:
        yield peer
    finally:
        peer.stop()


class Orthanc(Peer):
    """A PACS with an empty store."""

    def __init__(self, folder: Path, *, listener_port: int) -> None:
        self.http_port, dicom_port = free_port(), free_port()
        settings = {
            "Name": "test",
            "StorageDirectory": str(folder / "store"),
            "IndexDirectory": str(folder / "store"),
            "HttpPort": self.http_port,
            "DicomPort": dicom_port,
            "DicomAet": ORTHANC,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "Plugins": [],
            "DicomAlwaysAllowMove": True,
            "DicomModalities": {"readroom": [LISTENER, "127.0.0.1", listener_port]},
        }
        configuration = folder / "orthanc.json"
        configuration.write_text(json.dumps(settings))
        super().__init__(["/usr/sbin/Orthanc", str(configuration)], dicom_port, None, folder / "orthanc.log")
        wait_until(
            lambda: is_listening(self.http_port), seconds=START_SECONDS, what="the start of Orthanc's REST"
        )

    def get(self, path: str) -> Any:
        return json.loads(self._open(path))

    def file(self, instance: str) -> bytes:
        return self._open(f"/instances/{instance}/file")

    def post(self, path: str, body: Any) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return json.loads(self._open(path, content))

    def instances(self) -> dict[str, str]:
        """Return the id of each stored instance by its SOP instance UID."""
        return {
            str(each["MainDicomTags"]["SOPInstanceUID"]): str(each["ID"])
            for each in self.get("/instances?expand")
        }

    def _open(self, path: str, body: bytes | None = None) -> bytes:
        url = f"http://127.0.0.1:{self.http_port}{path}"
        with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=60) as response:
            content: bytes = response.read()
        return content


@contextmanager
def orthanc(*, listener_port: int) -> Iterator[Orthanc]:
    """Run Orthanc with the listener as a known modality."""
    with tempfile.TemporaryDirectory(prefix="readroom-orthanc-") as folder:
        pacs = Orthanc(Path(folder), listener_port=listener_port)
        try:
            yield pacs
        finally:
            pacs.stop()


def encoded(syntax: str, seed: int, folder: Path, size: tuple[int, int] = (96, 80), **tags: str) -> bytes:
    """Return a drawn radiograph in a transfer syntax, written by a tool that is not under test."""
    uids = {"StudyInstanceUID": f"1.2.3.{seed}", "SeriesInstanceUID": f"1.2.4.{seed}"}
    every: dict[str, Any] = {"PatientID": f"D-{seed}", **uids, **tags}
    plain = radiograph_dicom(seed, size, bits=8 if syntax == uid.JPEGBaseline8Bit else 12, **every)
    if syntax == uid.JPEGBaseline8Bit:
        plain = _eight_bits(plain, seed)
    tool, *options = ENCODINGS[syntax][0] or ("",)
    if tool:
        return dcmtk(tool, *options, radiograph=plain, folder=folder)
    return _jpeg_2000(plain, syntax)


def _eight_bits(plain: bytes, seed: int) -> bytes:
    radiograph = _read(plain)
    radiograph.BitsAllocated = 8
    radiograph.PixelData = (
        (radiograph_grey(seed, (radiograph.Rows, radiograph.Columns)) * 255)
        .round()
        .astype(np.uint8)
        .tobytes()
    )
    radiograph["PixelData"].VR = "OB"
    return written(radiograph)


def _jpeg_2000(plain: bytes, syntax: str) -> bytes:
    radiograph = _read(plain)
    options = {} if syntax == uid.JPEG2000Lossless else {"j2k_cr": [5]}
    radiograph.compress(syntax, generate_instance_uid=False, **options)
    return written(radiograph)


def _read(content: bytes) -> Any:

    return pydicom.dcmread(io.BytesIO(content))


def send(port: int, syntax: str, folder: Path, *, caller: str = SENDER) -> str:
    """Send all files of a folder by storescu, or by dcmsend where it has no option; return its output."""
    option = ENCODINGS[syntax][1]
    titles = ["-aet", caller, "-aec", LISTENER, "127.0.0.1", str(port)]
    command = ["storescu", "-v", option, *titles, "+sd", str(folder)] if option else _dcmsend(titles, folder)
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    return done.stdout + done.stderr


def _dcmsend(titles: list[str], folder: Path) -> list[str]:
    return ["dcmsend", "-v", "--decompress-never", "+sd", *titles, str(folder)]
