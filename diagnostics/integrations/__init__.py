"""Other systems: DICOM in and out, DICOMweb, FHIR, webhooks."""
