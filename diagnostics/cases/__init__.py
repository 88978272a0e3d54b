"""A radiograph comes in; a prediction and a heatmap come out."""
