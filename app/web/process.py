"""One of several app processes: Streamlit's own command, which listens on a Unix socket.

Usage: ``python -m app.web.process SOCKET run app/server.py ...``. A proxy in the same folder as the socket is the only one that
can connect, so what it says of the other end (``X-Forwarded-For``) is taken.
"""

from __future__ import annotations

import sys

import uvicorn
from streamlit.web import cli
from streamlit.web.server.starlette import starlette_server

STOP_SECONDS = 3
"""How long requests may go on after SIGTERM."""


class SocketRunner(starlette_server.UvicornRunner):
    """Streamlit's server at another place; Streamlit itself refuses Unix sockets for an ``st.App``."""

    place = ""

    def run(self) -> None:
        """Answer until told to stop."""
        options = starlette_server._get_uvicorn_config_kwargs()
        config = uvicorn.Config(
            self._app, uds=self.place, forwarded_allow_ips="*", timeout_graceful_shutdown=STOP_SECONDS, **options
        )
        server = uvicorn.Server(config)
        server.run()
        if not server.started:
            sys.exit(3)


def main() -> None:
    """Run Streamlit's command line with its server at the socket."""
    SocketRunner.place = sys.argv.pop(1)
    starlette_server.UvicornRunner = SocketRunner  # type: ignore[misc]  # taken from there when the app is started
    cli.main(prog_name="streamlit")


if __name__ == "__main__":
    main()
