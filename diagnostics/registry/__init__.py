"""Which model version is in force, since when, by whom, why."""
