"""Radiologists take the next case, read it, sign a finding."""
