"""Export formats: trees as text, tables, pictures, pages that open offline.

- :mod:`.tree_files`: a tree in every format that pages and command line offer, by the modules that follow.
- :mod:`.newick`: a tree as Newick, and back.
- :mod:`.nexus`, :mod:`.itol`, :mod:`.json_tree`: a tree for FigTree and R, for iTOL, for D3 and scripts.
- :mod:`.tables`, :mod:`.text_tables`: tables as CSV; as Markdown and LaTeX.
- :mod:`.pictures`: dendrogram, tanglegram, curves and projection as SVG, PDF or PNG for a paper.
- :mod:`.report`, :mod:`.figure_page`: a run; a film, a view: each one HTML file, by the templates of :mod:`.rendering`.
- :mod:`.projector`: vectors for TensorBoard's projector.

Nothing is imported here, so that a page that offers a download does not load what only the download needs.
"""
