"""What the DICOM listener and the DICOM client share: peers, limits, status codes, associations."""
