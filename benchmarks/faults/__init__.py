"""Random faults of every process of a running Readroom, and what became of the uploads."""
