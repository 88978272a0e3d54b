"""Tables of the model versions in use, one module a subject."""

from diagnostics.monitoring.models.monitoring import Aggregate as Aggregate
from diagnostics.monitoring.models.monitoring import Alert as Alert
from diagnostics.monitoring.models.monitoring import Count as Count
from diagnostics.monitoring.models.monitoring import Dimension as Dimension
from diagnostics.monitoring.models.monitoring import Period as Period
from diagnostics.monitoring.models.monitoring import Reference as Reference
from diagnostics.monitoring.models.shadow import ShadowEnd as ShadowEnd
from diagnostics.monitoring.models.shadow import ShadowPrediction as ShadowPrediction
from diagnostics.monitoring.models.shadow import ShadowRun as ShadowRun
