"""The page of monitoring and its alerts."""
