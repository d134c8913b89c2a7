"""Integrations: other libraries' training loops record a run. One module per library, imported by itself:

``integrations.torch``, ``.lightning``, ``.transformers``, ``.timm``, ``.sklearn``.
"""
