"""``lwal doctor``: checks of the installation, each with a fix."""
