"""Scripts of pages, compiled once for all tests of a process."""

from __future__ import annotations

import os
from typing import Any, ClassVar

from streamlit.runtime.scriptrunner.script_cache import ScriptCache


class CompiledScripts(ScriptCache):
    """Streamlit's own cache, of which AppTest makes a new one for each run of a page; a script that was changed is compiled
    anew."""

    _kept: ClassVar[dict[tuple[str, int, int], Any]] = {}

    def get_bytecode(self, script_path: str) -> Any:
        """What Streamlit's own gives."""
        facts = os.stat(script_path)
        key = (os.path.abspath(script_path), facts.st_mtime_ns, facts.st_size)
        if key not in self._kept:
            self._kept[key] = super().get_bytecode(script_path)
        return self._kept[key]
