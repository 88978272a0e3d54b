"""Tables of the active version in use."""

from diagnostics.monitoring.models.shadow import ShadowEnd as ShadowEnd
from diagnostics.monitoring.models.shadow import ShadowPrediction as ShadowPrediction
from diagnostics.monitoring.models.shadow import ShadowRun as ShadowRun
