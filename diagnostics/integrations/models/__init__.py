"""Tables of the connections to other systems, one module a subject."""

from diagnostics.integrations.models.dicom_commitments import StorageCommitment as StorageCommitment
from diagnostics.integrations.models.dicom_deliveries import ResultDelivery as ResultDelivery
from diagnostics.integrations.models.dicom_instances import ReceivedInstance as ReceivedInstance
from diagnostics.integrations.models.dicom_nodes import DicomNode as DicomNode
from diagnostics.integrations.models.dicom_retrievals import StudyRetrieval as StudyRetrieval
"""Tables of what is exchanged with other systems."""

from diagnostics.integrations.models.idempotency import IdempotentRequest as IdempotentRequest
