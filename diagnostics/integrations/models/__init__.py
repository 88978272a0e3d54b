"""Tables of the connections to other systems, one module a subject."""

from diagnostics.integrations.models.deidentification import DeidentificationPolicy as DeidentificationPolicy
from diagnostics.integrations.models.dicom_commitments import StorageCommitment as StorageCommitment
from diagnostics.integrations.models.dicom_deliveries import ResultDelivery as ResultDelivery
from diagnostics.integrations.models.dicom_instances import ReceivedInstance as ReceivedInstance
from diagnostics.integrations.models.dicom_nodes import DicomNode as DicomNode
from diagnostics.integrations.models.dicom_retrievals import StudyRetrieval as StudyRetrieval
from diagnostics.integrations.models.idempotency import IdempotentRequest as IdempotentRequest
from diagnostics.integrations.models.webhooks import WebhookDelivery as WebhookDelivery
from diagnostics.integrations.models.webhooks import WebhookEndpoint as WebhookEndpoint
from diagnostics.integrations.models.webhooks import WebhookPosition as WebhookPosition
from diagnostics.integrations.models.webhooks import WebhookTry as WebhookTry
