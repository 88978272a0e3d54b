"""The Django app of training."""

from django.apps import AppConfig


class TrainingConfig(AppConfig):
    name = "diagnostics.training"
    label = "training"
