"""The pages of patient data and retention rules."""
