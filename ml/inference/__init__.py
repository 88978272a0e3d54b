"""Predictions of a trained network: Grad-CAM, calibration, conformal sets and heatmaps."""
