"""Values that other systems are told."""
