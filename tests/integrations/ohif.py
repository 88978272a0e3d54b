"""The OHIF viewer from npm, in front of the DICOMweb addresses of a stack; it is not part of Readroom."""

from __future__ import annotations

import json
import mimetypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

PACKAGE: Final = "@ohif/app@3.13.2"
OWN: Final = ("/api/", "/accounts/", "/static/")  # addresses of Readroom; all others are those of the viewer
CONFIGURATION: Final = {
    "routerBasename": "/",
    "showStudyList": True,
    "extensions": [],
    "modes": [],
    "useCPURendering": True,
    "maxNumberOfWebWorkers": 1,
    "showWarningMessageForCrossOrigin": False,
    "showCPUFallbackMessage": False,
    "investigationalUseDialog": {"option": "never"},
    "defaultDataSourceName": "readroom",
    "dataSources": [
        {
            "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
            "sourceName": "readroom",
            "configuration": {
                "friendlyName": "Readroom",
                "name": "readroom",
                "qidoRoot": "/api/v1/dicomweb",
                "wadoRoot": "/api/v1/dicomweb",
                "wadoUriRoot": "/api/v1/dicomweb",
                "imageRendering": "wadors",
                "thumbnailRendering": "wadors",
                "qidoSupportsIncludeField": True,
                "supportsFuzzyMatching": False,
                "supportsWildcard": False,
                "omitQuotationForMultipartRequest": True,
            },
        }
    ],
}


def fetch(folder: Path) -> None:
    """Put the built viewer of npm into a folder, as `folder/package/dist`."""
    npm = shutil.which("npm")
    assert npm, "npm is not installed; the OHIF viewer comes from it"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([npm, "pack", PACKAGE], cwd=folder, check=True, capture_output=True)
    archive = next(folder.glob("*.tgz"))
    subprocess.run(["tar", "-xzf", archive.name], cwd=folder, check=True)
    archive.unlink()


def serve(dist: Path) -> Callable[[Any], None]:
    """Return the handler of a browser's requests: files of the viewer, but Readroom's own addresses."""
    configuration = f"window.config = {json.dumps(CONFIGURATION)};"

    def answer(route: Any) -> None:
        path = urlsplit(route.request.url).path
        if path.startswith(OWN):
            route.continue_()
        elif path == "/app-config.js":
            route.fulfill(body=configuration, content_type="text/javascript")
        else:
            file = dist / path.lstrip("/")
            page = file if file.is_file() else dist / "index.html"
            kind = mimetypes.guess_type(page.name)[0] or "application/wasm"
            route.fulfill(body=page.read_bytes(), content_type=kind)

    return answer
