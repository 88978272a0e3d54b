"""One file per family of networks; each builds its trunk, up to the last feature maps."""
