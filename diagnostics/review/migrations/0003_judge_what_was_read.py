"""Cases read before there was a judgement get one: what their readers agree on, or that they do not."""

from __future__ import annotations

from typing import Any

from django.db import migrations


def judge(apps: Any, _schema_editor: Any) -> None:
    """Go through every case that has a reading."""
    case_model = apps.get_model("cases", "Case")
    reading_model = apps.get_model("review", "Reading")
    judgement_model = apps.get_model("review", "Judgement")
    for case in case_model.objects.filter(readings__isnull=False).distinct().iterator():
        current = reading_model.objects.filter(case=case, superseded_by=None)
        findings = set(current.values_list("finding", flat=True))
        agreed = len(findings) == 1
        judgement_model.objects.create(
            case=case,
            readers_needed=1,
            standing="final" if agreed else "disagree",
            finding=findings.pop() if agreed else "",
        )
        if agreed:
            newest = reading_model.objects.filter(case=case).order_by("-signed_at").first()
            case.settled_at = newest.signed_at
            case.save(update_fields=["settled_at"])


class Migration(migrations.Migration):
    dependencies = [("review", "0002_what_readings_come_to")]

    operations = [migrations.RunPython(judge, migrations.RunPython.noop)]
