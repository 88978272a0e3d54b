"""Tables of what is exchanged with other systems."""

from diagnostics.integrations.models.idempotency import IdempotentRequest as IdempotentRequest
