"""A run as one HTML file that opens from a mail attachment, without a server and without a network.

- :mod:`.content`: what a report is about.
- :mod:`.page`: the file: text, tables, drawings, how to cite.
- :mod:`.drawings`: the tree, the map and the curves as inline SVG.
- :mod:`.behaviour`: what moves in it, as plain JavaScript, and its style.

Nothing is loaded: drawings are SVG, text stays text, and a content security policy forbids everything but the one
script and the one style that the file carries, by their hashes.
"""
