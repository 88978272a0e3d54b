"""Second opinions are a kind of reading: their readers may have seen the final finding before.

Earlier ones are recognised by the audit events of their requests.
"""

from django.db import migrations, models


def mark_second_opinions(apps, schema_editor):
    """Give what was signed after the first request of a second opinion, and its amendments, the new kind."""
    using = schema_editor.connection.alias
    events = apps.get_model("audit", "AuditEvent").objects.using(using)
    consensus = apps.get_model("review", "Consensus").objects.using(using)
    readings = apps.get_model("review", "Reading").objects.using(using).filter(kind="reading")
    requests = events.filter(action="second-opinion-requested").order_by("at", "pk")
    for case, at in requests.values_list("target_id", "at").iterator():
        if not consensus.filter(case=case, second_opinion_at=None).update(second_opinion_at=at):
            continue
        marked = list(readings.filter(case=case, supersedes=None, signed_at__gt=at).values_list("pk", flat=True))
        while marked:
            amendments = list(readings.filter(supersedes__in=marked).values_list("pk", flat=True))
            readings.filter(pk__in=marked).update(kind="second-opinion")
            marked = amendments


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0009_actions_of_integrations_and_monitoring'),
        ('review', '0010_waiting_counts'),
    ]

    operations = [
        migrations.AddField(
            model_name='consensus',
            name='second_opinion_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name='reading',
            name='kind',
            field=models.CharField(choices=[('reading', 'reading'), ('second-opinion', 'second opinion'), ('adjudication', 'adjudication')], default='reading', max_length=16),
        ),
        migrations.RunPython(mark_second_opinions, migrations.RunPython.noop, elidable=True),
    ]
