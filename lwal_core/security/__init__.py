"""Permissions, identity, redaction, and limits on untrusted files. No torch."""
