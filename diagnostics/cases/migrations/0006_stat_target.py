"""Unread STAT cases get the turnaround target of their site; they were due as soon as they arrived."""

from datetime import timedelta

from django.db import migrations
from django.db.models import F


def set_due_times(apps, schema_editor):
    """Move the due time of unread STAT cases that are still due at their arrival."""
    using = schema_editor.connection.alias
    stat = apps.get_model("cases", "Case").objects.using(using).filter(
        priority="stat", finalized_at=None, due_at=F("opened_at")
    )
    for site in apps.get_model("accounts", "Site").objects.using(using).all():
        stat.filter(site=site).update(due_at=F("opened_at") + timedelta(minutes=site.stat_minutes))


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_stat_minutes'),
        ('cases', '0005_patient_and_study'),
    ]

    operations = [
        migrations.RunPython(set_due_times, migrations.RunPython.noop, elidable=True),
    ]
