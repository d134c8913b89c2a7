"""Class tree on a page: options, state, drawing, the chosen node; for Hierarchy, Trees and Share."""
