"""What writes to the audit log: recording, sealing, pruning, exporting."""

from diagnostics.audit.services.recording import record as record
