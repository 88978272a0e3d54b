"""Aggregates, reference distributions and alerts of monitoring."""

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ("accounts", "0006_demonstration_site"),
        ("registry", "0003_governance"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Aggregate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('period', models.CharField(choices=[('hour', 'hour'), ('day', 'day')], max_length=4)),
                ('start', models.DateTimeField()),
                ('dimension', models.CharField(choices=[('all', 'All'), ('view', 'View'), ('sex', 'Sex'), ('age', 'Age'), ('device', 'Device')], max_length=6)),
                ('value', models.CharField(blank=True, max_length=100)),
                ('counts', models.JSONField(default=dict)),
                ('histograms', models.JSONField(default=dict)),
                ('site', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.site')),
                ('version', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='registry.modelversion')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('site', 'period', 'dimension', 'start', 'value', 'version'), name='one_aggregate_per_stratum'), models.UniqueConstraint(condition=models.Q(('version', None)), fields=('site', 'period', 'dimension', 'start', 'value'), name='one_aggregate_without_version')],
            },
        ),
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('rule', models.CharField(choices=[('input-drift', 'Input drift'), ('score-drift', 'Score drift'), ('stopped', 'Stopped at the quality gate'), ('failed', 'Failed AI results'), ('out-of-distribution', 'Out of distribution'), ('waiting', 'Waiting time'), ('agreement', 'AI-reader agreement'), ('sensitivity', 'Sensitivity')], max_length=24)),
                ('subject', models.CharField(blank=True, max_length=40)),
                ('value', models.FloatField()),
                ('limit', models.FloatField()),
                ('cases', models.PositiveIntegerField()),
                ('hours', models.PositiveIntegerField()),
                ('opened_at', models.DateTimeField()),
                ('last_met_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(null=True)),
                ('acknowledged_at', models.DateTimeField(null=True)),
                ('mailed_at', models.DateTimeField(null=True)),
                ('mail_attempts', models.PositiveSmallIntegerField(default=0)),
                ('mail_due_at', models.DateTimeField(null=True)),
                ('mail_error', models.CharField(blank=True, max_length=200)),
                ('acknowledged_by', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.site')),
                ('version', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='registry.modelversion')),
            ],
            options={
                'ordering': ['-opened_at'],
                'indexes': [models.Index(fields=['opened_at', 'id'], name='monitoring__opened__4feca4_idx')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('closed_at__isnull', True)), fields=('site', 'rule', 'subject'), name='one_open_alert_per_rule'), models.CheckConstraint(condition=models.Q(models.Q(('acknowledged_at__isnull', True), ('acknowledged_by__isnull', True)), models.Q(('acknowledged_at__isnull', False), ('acknowledged_by__isnull', False)), _connector='OR'), name='acknowledged_by_and_at_together')],
            },
        ),
        migrations.CreateModel(
            name='Reference',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('predictions', models.PositiveIntegerField()),
                ('first_at', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
                ('frozen_at', models.DateTimeField()),
                ('histograms', models.JSONField(default=dict)),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.site')),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='registry.modelversion')),
            ],
            options={
                'ordering': ['-frozen_at'],
                'constraints': [models.UniqueConstraint(fields=('version', 'site'), name='one_reference_per_version_and_site')],
            },
        ),
    ]
