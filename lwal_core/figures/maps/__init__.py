"""What is put onto maps of classes: a mark while a layout is computed, names of clusters, two maps side by side."""
