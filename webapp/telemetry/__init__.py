"""What an operator sees of a running Readroom: metrics, log lines, error reports. Never a patient's data."""
