"""Report of a run as one HTML file that opens from a mail attachment, without a server and without a network.

- :mod:`.content`: what a report is about.
- :mod:`.page`: the file; its template, style and script are ``templates/report.*``.
- :mod:`.drawings`: tree, map and curves as inline SVG.

Nothing is loaded: drawings are SVG, text stays text, and a content security policy forbids everything but the one
script and the one style that the file carries, by their hashes.
"""
