"""Tests of the wiring: settings, queues, health, processes, permissions of all URLs."""
