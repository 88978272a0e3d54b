"""The trust report: checks of a data set and of a model's predictions, described in docs/trust.md."""
