"""Training of candidate versions from final findings and imported labels."""
