"""The Streamlit frame: entry point, selection, shared widgets. Pages are in ``pages/``; nothing here imports torch."""
