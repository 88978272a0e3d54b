"""Network architectures, one module for each family, and the bundles that store trained networks."""
