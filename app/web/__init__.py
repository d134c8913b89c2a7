"""Doors of the server: what is looked at before Streamlit sees a request."""
