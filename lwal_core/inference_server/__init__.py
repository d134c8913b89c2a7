"""The process that holds trained models and answers questions about images: ``python -m lwal_core.inference_server``."""
