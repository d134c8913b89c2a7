"""Files that leave the house: trees as text, tables, pictures.

- :mod:`.newick`: a tree as Newick, and back.
- :mod:`.nexus`, :mod:`.itol`, :mod:`.json_tree`: a tree for FigTree and R, for iTOL, for D3 and scripts.
- :mod:`.tables`: linkage, distances, cuts and coordinates as CSV.
- :mod:`.picture`: a dendrogram as SVG, PDF or PNG.

Nothing is imported here, so that a page that offers a download does not load what only the download needs.
"""
