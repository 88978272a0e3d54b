"""Reads of monitoring: the facts that are aggregated, aggregates, references and alerts."""
