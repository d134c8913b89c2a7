"""Snapshots for people without an account: made once, never changed, seen by whoever has the link. No torch.

``$LWAL_HOME/shares/<first 16 digits of the token's hash>/`` holds ``share.json`` (what is shared, how it is looked at,
until when, and SHA-256 and size of every other file), ``report.html`` and ``card.png`` (what a visitor and a chat window
get), ``taxonomy.json``, and ``runs/``: copies of the files it was drawn from, laid out as in a home, from which the app draws
for a visitor, who gets none of them. Of the token only its SHA-256 is kept: who reads the folder cannot make a link.
"""

from lwal_core.shares.opened import Snapshot, open_snapshot
from lwal_core.shares.snapshot import share_run
from lwal_core.shares.store import Share, ShareNotFound, list_shares, open_card, open_share, revoke_share

__all__ = [
    "Share",
    "ShareNotFound",
    "Snapshot",
    "list_shares",
    "open_card",
    "open_share",
    "open_snapshot",
    "revoke_share",
    "share_run",
]
