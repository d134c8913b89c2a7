"""The wheel: the library, with app, pages, settings and examples inside it, so that no top-level package collides with
a user's own ``app`` or ``pages``. Everything else about the package is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

WEB = ("app", "pages", ".streamlit", "examples")


class BuildWithWeb(build_py):
    """Copies the web app into ``lwal_core/_web``; an editable install uses the clone's own folders."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for name in WEB:
            target = Path(self.build_lib, "lwal_core", "_web", name)
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(name, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", "secrets.toml"))


setup(cmdclass={"build_py": BuildWithWeb})
