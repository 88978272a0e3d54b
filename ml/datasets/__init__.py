"""Labelled radiographs: near-duplicates, the split by patient, batches and augmentation."""
