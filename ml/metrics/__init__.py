"""Evaluation of networks and readers: metrics with intervals, comparison of versions, plots."""
