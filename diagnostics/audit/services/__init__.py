"""What writes to the audit log: recording, sealing, pruning, exporting."""

from diagnostics.audit.services.recording import record as record
from diagnostics.audit.services.recording import record_each as record_each
