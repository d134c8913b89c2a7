"""``lwal serve --processes N``: the reverse proxy in front of several app processes."""

from lwal_core.serving.haproxy import MAX_CONNECTIONS, ReverseProxy, find_haproxy

__all__ = ["MAX_CONNECTIONS", "ReverseProxy", "find_haproxy"]
