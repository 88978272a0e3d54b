"""Tables of the connections to other systems, one module a subject."""

from diagnostics.integrations.models.webhooks import WebhookDelivery as WebhookDelivery
from diagnostics.integrations.models.webhooks import WebhookEndpoint as WebhookEndpoint
from diagnostics.integrations.models.webhooks import WebhookPosition as WebhookPosition
from diagnostics.integrations.models.webhooks import WebhookTry as WebhookTry
