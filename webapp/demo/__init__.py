"""The demonstration: a site of its own with staff and published radiographs, for a first start."""
