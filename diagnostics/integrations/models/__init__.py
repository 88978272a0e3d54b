"""Tables of integrations."""

from __future__ import annotations

from diagnostics.integrations.models.deidentification import DeidentificationPolicy as DeidentificationPolicy
