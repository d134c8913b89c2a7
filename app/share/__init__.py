"""Share: list of snapshots and the view behind a link."""
