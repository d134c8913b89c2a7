"""What nobody foresaw: a visitor sees one sentence, the log has the rest; and what the server is told to allow."""

from __future__ import annotations

import ast
import importlib
import io
import logging
import pkgutil
import tomllib
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.local_script_runner import LocalScriptRunner

import app
from app.common.errors import show_unexpected
from app.common.pages import page_path
from lwal_core.errors import LwalError
from lwal_core.runs import Run
from tests.app.conftest import ENTRY, text_of

pytestmark = pytest.mark.page

SECRET = "the word of /srv/secret/keys"


def broken(error: Exception) -> Callable[..., None]:
    def raise_it(*arguments: object, **options: object) -> None:
        raise error

    return raise_it


# Imported before anything is replaced: a module that is loaded meanwhile would keep the broken function for good.
for _module in pkgutil.walk_packages(app.__path__, "app."):
    if _module.name not in ("app.main", "app.server"):
        importlib.import_module(_module.name)

UNFORESEEN = ("lwal_core.runs.list_runs", RuntimeError(SECRET), ["reload it", "UTC"])
FROM_THE_DISK = ("lwal_core.runs.open_run", OSError(5, SECRET, "/srv/secret/keys"), ["Input/output error"])


@pytest.mark.parametrize(
    ("page", "broken_name", "error", "words"),
    [
        *((page, *UNFORESEEN) for page in ("home", "curves", "hierarchy", "share")),
        # Home opens runs in a fragment, see the test below.
        *((page, *FROM_THE_DISK) for page in ("curves", "hierarchy", "share")),
    ],
)
def test_an_unforeseen_error_is_one_sentence(
    make_run: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    page: str,
    broken_name: str,
    error: Exception,
    words: list[str],
) -> None:
    run = make_run()
    # Its handler writes to what was standard error when its module was loaded, which is of another test.
    heard = io.StringIO()
    handlers = [
        each for each in logging.getLogger("streamlit.error_util").handlers if type(each) is logging.StreamHandler
    ]
    monkeypatch.setattr(handlers[0], "stream", heard)
    for module in ("lwal_core.runs", "app.common.selection"):
        monkeypatch.setattr(f"{module}.{broken_name.rpartition('.')[2]}", broken(error))
    at = AppTest.from_file(str(ENTRY), default_timeout=60)
    at.query_params["run"] = run.id
    at.switch_page(page_path(page))
    at.run()
    seen = text_of(at) + "".join(f"{e.message}{e.stack_trace}{e.proto.type}" for e in at.exception)
    assert len(at.exception) == isinstance(error, RuntimeError) and all(word in seen for word in words)
    for hidden in ("secret", "Traceback", "raise_it", ".py", "RuntimeError", "OSError", str(run.path)):
        assert hidden not in seen, hidden
    out = capfd.readouterr()
    assert "secret" in out.err + heard.getvalue()  # whoever runs the server can read it
    assert "\x1b" not in out.out + out.err + heard.getvalue()


@pytest.mark.parametrize("place", ["app.training.live._board", "app.imports.import_dialog._close"])
def test_an_unforeseen_error_in_a_fragment_or_a_callback_is_told_alike(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    # As ``app/server.py`` hands it to Streamlit, which AppTest does not start.
    handed = property(lambda self: show_unexpected, lambda self, value: None)
    monkeypatch.setattr(LocalScriptRunner, "_on_script_error", handed, raising=False)
    at = AppTest.from_file(str(ENTRY), default_timeout=60).run()
    module, _, name = place.rpartition(".")
    monkeypatch.setattr(importlib.import_module(module), name, broken(RuntimeError(SECRET)))
    if name == "_board":
        at.switch_page("../pages/train.py").run()  # its board of what runs is a fragment
    else:
        at.button(key="bring").click().run()  # the dialog is opened by a callback
    assert not at.exception and len(at.error) == 1
    assert "reload it" in at.error[0].value and "secret" not in text_of(at)


def test_the_app_that_is_served_tells_of_errors() -> None:
    tree = ast.parse((ENTRY.parent / "server.py").read_text())
    call = next(node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "st.App")
    given = {word.arg: ast.unparse(word.value) for word in call.keywords}
    assert given["on_script_error"] == "show_unexpected"
    assert given["middleware"] == "middleware()"
    made = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "middleware")
    doors = [ast.unparse(made).find(f"Middleware({name}") for name in ("Doors", "Uploads", "Messages")]
    assert -1 not in doors and doors == sorted(doors)  # whoever is none of ours is refused first


def test_a_foreseen_error_says_what_to_do(make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    make_run()
    monkeypatch.setattr("app.common.selection.list_runs", broken(LwalError("The home is gone.", "Bring it back.")))
    at = AppTest.from_file(str(ENTRY), default_timeout=60).run()
    assert (
        not at.exception
        and "The home is gone" in at.error[0].value.replace("\\", "")
        and "Bring it back" in text_of(at).replace("\\", "")
    )


def test_the_server_is_configured_as_promised() -> None:
    told = tomllib.loads((ENTRY.parents[1] / ".streamlit" / "config.toml").read_text())
    server, client = told["server"], told["client"]
    assert server["enableXsrfProtection"] is True and server["enableCORS"] is True
    assert not any(server[name] for name in ("enableStaticServing", "enableAgentApi", "enableExpensiveMemoryStats"))
    assert (
        client["showErrorDetails"] == "none"
        and client["showErrorLinks"] == "false"
        and client["toolbarMode"] == "minimal"
    )
    assert client["allowedOrigins"] == []
    assert told["browser"]["gatherUsageStats"] is False and told["logger"]["enableRich"] is False
    assert told["global"] == {"disableWidgetStateDuplicationWarning": True}


def test_streamlit_knows_these_options() -> None:
    """An option that a new version no longer has would be passed over in silence."""
    from streamlit import config

    told = tomllib.loads((ENTRY.parents[1] / ".streamlit" / "config.toml").read_text())
    known = config.get_config_options()
    assert {f"{part}.{name}" for part in ("server", "client", "browser", "logger") for name in told[part]} <= set(known)
