"""Tests of the wiring: settings, queues, health, processes."""
