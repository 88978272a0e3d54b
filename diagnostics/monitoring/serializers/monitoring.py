"""Output of the API of monitoring."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from diagnostics.monitoring import alert_texts
from diagnostics.monitoring.measures import Measure
from diagnostics.monitoring.models import Alert
from diagnostics.monitoring.policy import Rule, State
from diagnostics.monitoring.selectors.overview import RANGES, MeasuredDrift, Overview, Rolling, Step, Stratum
from diagnostics.review.proportion import Proportion


class MonitoringQuerySerializer(serializers.Serializer[Any]):
    """The range that is asked for."""

    days = serializers.ChoiceField(choices=[(days, str(days)) for days in RANGES], default=30)


class MonitoredProportionSerializer(serializers.Serializer[Proportion]):
    """A proportion; value and interval are null for fewer than 30."""

    count = serializers.IntegerField()
    n = serializers.IntegerField(source="total")
    value = serializers.SerializerMethodField("get_estimate")
    low = serializers.SerializerMethodField()
    high = serializers.SerializerMethodField()

    def get_estimate(self, each: Proportion) -> float | None:
        """Return the proportion."""
        return None if each.too_few else each.value

    def get_low(self, each: Proportion) -> float | None:
        """Return the lower bound of the 95 % interval."""
        return None if each.too_few else each.interval[0]

    def get_high(self, each: Proportion) -> float | None:
        """Return the upper bound of the 95 % interval."""
        return None if each.too_few else each.interval[1]


class DriftSerializer(serializers.Serializer[MeasuredDrift]):
    """Drift of one measure; the estimates are null where `state` is `too-few`."""

    measure = serializers.ChoiceField(choices=Measure.choices)
    state = serializers.ChoiceField(choices=State.choices)
    n = serializers.IntegerField()
    reference_n = serializers.IntegerField()
    psi = serializers.FloatField(source="drift.psi", default=None, allow_null=True)
    psi_interval = serializers.ListField(
        child=serializers.FloatField(), source="drift.psi_interval", default=None, allow_null=True
    )
    ks = serializers.FloatField(source="drift.ks", default=None, allow_null=True)
    ks_interval = serializers.ListField(
        child=serializers.FloatField(), source="drift.ks_interval", default=None, allow_null=True
    )
    ks_p = serializers.FloatField(source="drift.ks_p", default=None, allow_null=True)


class StratumSerializer(serializers.Serializer[Stratum]):
    """Drift in one site, view, sex, age band or device."""

    dimension = serializers.CharField()
    value = serializers.CharField(help_text="Empty: unknown")
    n = serializers.IntegerField(source="totals.finished")
    drift = DriftSerializer(many=True, source="drifts")


class StepSerializer(serializers.Serializer[Step]):
    """One day or week."""

    first = serializers.DateField()
    counts = serializers.DictField(child=serializers.IntegerField(), source="totals.counts")
    psi = serializers.DictField(child=serializers.FloatField())


class RollingSerializer(serializers.Serializer[Rolling]):
    """The 28 days until a day."""

    until = serializers.DateField()
    agreement = MonitoredProportionSerializer()
    sensitivity = MonitoredProportionSerializer(help_text="Of the flag, on randomly drawn cases")
    specificity = MonitoredProportionSerializer()


class MonitoringSerializer(serializers.Serializer[Overview]):
    """The figures of a range of days at the sites of the user."""

    sites = serializers.ListField(child=serializers.CharField(), source="site_names")
    version = serializers.CharField(source="version_name")
    first = serializers.DateField()
    last = serializers.DateField()
    step_days = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.IntegerField(), source="totals.counts")
    drift = DriftSerializer(many=True, source="drifts")
    strata = StratumSerializer(many=True)
    steps = StepSerializer(many=True)
    rolling = RollingSerializer(many=True)


class AlertSerializer(serializers.Serializer[Alert]):
    """One alert."""

    id = serializers.UUIDField()
    site = serializers.CharField(source="site.name")
    version = serializers.SerializerMethodField()
    rule = serializers.ChoiceField(choices=Rule.choices)
    subject = serializers.CharField(help_text="The measure of a drift, else empty")
    text = serializers.SerializerMethodField()
    value = serializers.FloatField()
    limit = serializers.FloatField()
    n = serializers.IntegerField(source="cases")
    window_hours = serializers.IntegerField(source="hours")
    opened_at = serializers.DateTimeField()
    last_met_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    acknowledged_by = serializers.SerializerMethodField()
    mailed_at = serializers.DateTimeField(allow_null=True)
    mail_error = serializers.CharField()

    def get_version(self, alert: Alert) -> str:
        """Return the name of the version; empty where the alert is not about one."""
        return str(alert.version) if alert.version else ""

    def get_text(self, alert: Alert) -> str:
        """Return what was measured and its limit."""
        return f"{alert_texts.title(alert)}: {alert_texts.sentence(alert)}"

    def get_acknowledged_by(self, alert: Alert) -> str:
        """Return the name of the user; empty before."""
        return alert.acknowledged_by.get_username() if alert.acknowledged_by else ""
