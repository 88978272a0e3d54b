"""Reads of the audit log: its events, and the verification of its hash chain."""
