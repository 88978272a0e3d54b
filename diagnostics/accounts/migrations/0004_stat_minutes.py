"""A turnaround target of STAT cases, which were late as soon as they arrived."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_drop_plain_tokens'),
    ]

    operations = [
        migrations.AddField(
            model_name='site',
            name='stat_minutes',
            field=models.PositiveIntegerField(db_default=30, default=30, verbose_name='turnaround target of STAT cases, in minutes'),
        ),
    ]
