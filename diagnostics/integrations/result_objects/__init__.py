"""The DICOM objects of an AI result: a Secondary Capture of the heatmap and a Structured Report."""
