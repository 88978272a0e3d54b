"""Services of the worklist: claims, readings, consensus, assignments and control cases."""
