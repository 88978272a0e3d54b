"""What a home holds after faults: rows, files and audit records, compared with what the clients have sent.

Runs in the Django of the home: `print_findings` is called through tests.stack.Stack.shell.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any


def print_findings(accepted: dict[str, str]) -> None:
    """Print what is lost, twice, orphaned or wrong, as JSON; `accepted` maps SHA-256 to the case's id."""
    from django.db.models import Count

    from diagnostics.audit.models import AuditEvent
    from diagnostics.cases.models import Prediction, Radiograph

    radiographs = list(Radiograph.objects.select_related("case"))
    stored = Counter(radiograph.file_sha256 for radiograph in radiographs)
    done = {str(pk) for pk in Prediction.objects.filter(status="done").values_list("case_id", flat=True)}
    per_case = Prediction.objects.values("case_id").annotate(rows=Count("pk")).filter(rows__gt=1)
    audited = AuditEvent.objects.filter(action="prediction-stored").values("target_id")
    findings = {
        "cases": len(radiographs),
        "done": len(done),
        "lost": sum(sha not in stored or case not in done for sha, case in accepted.items()),
        "not_uploaded": len(set(stored) - set(accepted)),
        "twice": sum(count > 1 for count in stored.values())
        + per_case.count()
        + audited.annotate(rows=Count("pk")).filter(rows__gt=1).count(),
        "failed": dict(
            Prediction.objects.filter(status="failed").values_list("failure_code").annotate(Count("pk"))
        ),
        "wrong_files": _wrong_files(radiographs),
        "orphans": _orphans(radiographs),
        "waits": _waits(),
    }
    print(json.dumps(findings))


def _wrong_files(radiographs: list[Any]) -> list[str]:
    """Return the files that rows name and that are missing, differ from their hash, or cannot be read."""
    from PIL import Image

    from diagnostics.cases import storage
    from diagnostics.cases.models import Prediction
    from ml.inference.heatmap_files import load_heatmaps

    wrong = []
    for radiograph in radiographs:
        names = storage.radiograph_files(radiograph.pk)
        try:
            original = storage.path(names.original).read_bytes()
            if hashlib.sha256(original).hexdigest() != radiograph.file_sha256:
                wrong.append(names.original)
            with Image.open(storage.path(names.display)) as image:
                image.load()
            if storage.read_grey(names.grey).shape != (radiograph.height, radiograph.width):
                wrong.append(names.grey)
        except (OSError, ValueError) as error:
            wrong.append(f"{names.original}: {error}")
    for prediction in Prediction.objects.filter(status="done"):
        try:
            load_heatmaps(storage.path(prediction.heatmap_file))
            with Image.open(storage.path(prediction.overlay_file)) as image:
                image.load()
        except (OSError, ValueError) as error:
            wrong.append(f"{prediction.heatmap_file}: {error}")
    return wrong


def _orphans(radiographs: list[Any]) -> list[str]:
    """Return the files below the media folder that no row names."""
    from django.conf import settings

    from diagnostics.cases import storage
    from diagnostics.cases.models import Prediction

    named = set()
    for radiograph in radiographs:
        names = storage.radiograph_files(radiograph.pk)
        named |= {names.original, names.display, names.grey, names.depth}
    for prediction in Prediction.objects.all():
        named |= {prediction.heatmap_file, prediction.overlay_file}
    media = Path(settings.MEDIA_ROOT)
    files = (path.relative_to(media).as_posix() for path in media.rglob("*") if path.is_file())
    return sorted(set(files) - named)


def _waits() -> list[tuple[float, float]]:
    """Return when each prediction was queued and when it was finished, in seconds since the epoch."""
    from diagnostics.cases.models import Prediction

    rows = Prediction.objects.filter(status="done").values_list("queued_at", "finished_at")
    return [(queued.timestamp(), finished.timestamp()) for queued, finished in rows if finished]
