"""No function writes without asking: found in the source itself, so that a new writer cannot be forgotten.

Every function of the library that writes, deletes, renames or starts a process, itself or by what it calls without a
guard in between, is either guarded (its body asks ``check_writable``) or stands below with the reason why not. What is
called through an object's method of another module is not followed; the test of the pages' actions sees those.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUARDS = {"check_writable"}
METHODS = {"write_text", "write_bytes", "unlink", "rmdir", "mkdir", "touch", "symlink_to", "hardlink_to", "extractall"}
FUNCTIONS = {
    *(f"os.{name}" for name in ("rename", "replace", "remove", "unlink", "mkdir", "makedirs", "rmdir", "link", "symlink",
                                "truncate", "removedirs", "renames", "mkfifo")),
    *(f"shutil.{name}" for name in ("rmtree", "move", "copy", "copy2", "copyfile", "copytree", "unpack_archive")),
    *(f"subprocess.{name}" for name in ("Popen", "run", "call", "check_call", "check_output")),
    *(f"tempfile.{name}" for name in ("mkstemp", "mkdtemp")), "os.fork", "os.execv",
    *(f"np.{name}" for name in ("save", "savez", "savez_compressed", "savetxt")),
}  # fmt: skip


@dataclass
class Function:
    """A function of the source: what it calls, whether it asks, and what it writes by itself."""

    name: str
    calls: set[str] = field(default_factory=set)
    guarded: bool = False
    writes: set[str] = field(default_factory=set)

    @property
    def public(self) -> bool:
        return not any(part.startswith("_") for part in self.name.split(":")[1].split("."))


def functions(root: Path, package: str) -> dict[str, Function]:
    """All functions and methods below a package, by ``module:Class.name``."""
    found: dict[str, Function] = {}
    for path in sorted((root / package).rglob("*.py")):
        module = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        tree = ast.parse(path.read_text())
        imported = {
            alias.asname or alias.name: f"{node.module}:{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }
        for name, node in _defined(tree.body, ""):
            function = found[f"{module}:{name}"] = Function(f"{module}:{name}")
            owner = name.rpartition(".")[0]
            for call in (n for n in ast.walk(node) if isinstance(n, ast.Call)):
                _note(function, call, module, owner, imported)
    return found


def _defined(body: list[ast.stmt], owner: str) -> Iterator[tuple[str, ast.AST]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield owner + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _defined(node.body, f"{owner}{node.name}.")


def _note(function: Function, call: ast.Call, module: str, owner: str, imported: dict[str, str]) -> None:
    text = ast.unparse(call.func)
    last = text.rpartition(".")[2]
    if text in GUARDS:
        function.guarded = True
    elif (
        text in FUNCTIONS
        or (isinstance(call.func, ast.Attribute) and last in METHODS)
        or (last == "rename" and isinstance(call.func, ast.Attribute) and len(call.args) == 1)
        or (last in ("open", "fdopen", "ZipFile", "TarFile") and _for_writing(call))
        or text == "save_file"
    ):
        function.writes.add(text)
    elif isinstance(call.func, ast.Name):
        function.calls.add(imported.get(text, f"{module}:{text}"))
        function.calls.add(f"{imported.get(text, f'{module}:{text}')}.__init__")
    elif text.startswith("self.") and text.count(".") == 1:
        function.calls.add(f"{module}:{owner}.{last}")
    elif isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
        target = imported.get(call.func.value.id, "")
        if target:  # a module that was imported from its package
            function.calls.add(f"{target.replace(':', '.')}:{last}")


def _for_writing(call: ast.Call) -> bool:
    texts = [a.value for a in [*call.args, *(k.value for k in call.keywords)] if isinstance(a, ast.Constant)]
    flags = " ".join(ast.unparse(a) for a in call.args[1:])
    return any(isinstance(t, str) and len(t) < 4 and set(t) & set("wax+") for t in texts) or any(
        flag in flags for flag in ("O_CREAT", "O_WRONLY", "O_RDWR", "O_TRUNC", "O_APPEND")
    )


def reexports(root: Path, package: str) -> dict[str, str]:
    """Names that a package's ``__init__`` takes from its modules."""
    found = {}
    for path in (root / package).rglob("__init__.py"):
        module = ".".join(path.relative_to(root).parent.parts)
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {f"{module}:{a.asname or a.name}": f"{node.module}:{a.name}" for a in node.names}
    return found


def unguarded(root: Path, package: str) -> dict[str, set[str]]:
    """Public functions that write, by themselves or by what they call, with no guard in between; and by what."""
    known, other = functions(root, package), reexports(root, package)
    for name, function in known.items():  # who cannot be made cannot write
        maker = known.get(f"{name.rpartition('.')[0]}.__init__")
        function.guarded |= maker is not None and maker.guarded
    writes = {name: set(f.writes) for name, f in known.items() if f.writes and not f.guarded}
    while True:
        grown = {
            name: {callee.partition(":")[2] for callee in targets}
            for name, function in known.items()
            if name not in writes and not function.guarded
            and (targets := {found for call in function.calls if (found := _resolved(call, other)) in writes})
        }  # fmt: skip
        if not grown:
            return {name: by for name, by in writes.items() if known[name].public}
        writes |= grown


def _resolved(call: str, other: dict[str, str]) -> str:
    plain = call.removesuffix(".__init__")
    return other.get(plain, plain) + call[len(plain) :]


def listed(reason: str, module: str, *names: str) -> dict[str, str]:
    return {f"lwal_core.{module}:{name}": reason for name in names}


BELOW = "a step of a writer; who calls it has asked"
ELSEWHERE = "writes a file that its caller names, outside the home"
MEMORY = "writes into memory"
CACHE = "writes layouts and arrays into the cache, which may be deleted at any time"
TRAINS = "part of a training or a worker, which ask when they start"
COMMAND = "a command; what it calls in the library asks"
LOOKS = "starts a process that looks: it writes nothing but the cache and its socket"

LISTED = {
    **listed(BELOW, "runs.files", "append_line", "atomic_write", "write_arrays", "write_json"),
    **listed(BELOW, "runs.kept_file", "locked", "write_kept"),
    **listed(BELOW, "runs.paths", "make_home", "new_folder", "place_folder"),
    **listed(BELOW, "runs.metrics", "append_metrics", "keep_metrics_until"),
    **listed(BELOW, "runs.record", "record_lock", "write_record"),
    **listed(BELOW, "runs.disk_space", "give_up_reserve", "set_aside"),
    **listed(BELOW, "system.child_processes", "start_detached"),
    **listed(BELOW, "system.locks", "check_locks", "file_lock", "try_lock", "wait_for_lock"),
    **listed(BELOW, "jobs.queue", "Queue.add", "Queue.first", "Queue.run_ids", "Queue.take"),
    **listed(BELOW, "jobs.admission", "next_number"),
    **listed(TRAINS, "jobs.worker_heartbeat", "WorkerHeartbeat.beat", "WorkerHeartbeat.withdraw"),
    **listed(TRAINS, "jobs.admission", "is_next", "dequeue", "slot_is_free", "enqueue", "acquire_slot"),
    **listed(TRAINS, "launchers.slurm", "SlurmLauncher.forget", "SlurmLauncher.start", "own_folder"),
    **listed(TRAINS, "launchers.slurm_job", "train_in_job"),
    **listed("commands of SLURM, which look or stop a job", "launchers.slurm", "SlurmLauncher.look", "SlurmLauncher.ping"),
    **listed("commands of SLURM, which look or stop a job", "launchers.slurm", "SlurmLauncher.stop"),
    **listed("asks the cluster; makes the user's own folder for jobs", "doctor.service", "cluster_findings"),
    **listed("clears waiters of dead processes away, except in read-only mode", "jobs.admission", "waiters"),
    **listed("clears waiters of dead processes away, except in read-only mode", "jobs.waiting", "waiting"),
    **listed(TRAINS, "data.array_cache", "cached_array"),
    **listed(TRAINS, "data.downloaded", "fetched", "load_downloaded"),
    **listed(TRAINS, "data.food101", "load_food101"),
    **listed(TRAINS, "data.frozen", "frozen_features"),
    **listed(TRAINS, "training.checkpoint", "save_checkpoint", "save_model"),
    **listed("asks by way of the run's writer before it writes", "training.__main__", "main"),
    **listed("asks by way of the run's writer before it writes", "ready_models.__main__", "main"),
    **listed("asks by way of the run's writer before it writes", "jobs.run_process", "run_process"),
    **listed(CACHE, "projections.cache", "ProjectionCache.put"),
    **listed(CACHE, "projections.client", "request_projections", "start_after_training"),
    **listed(CACHE, "projections.queue", "Claim.finish", "Claim.leave", "Queue.answer_for_the_dead", "Queue.claim"),
    **listed(CACHE, "projections.queue", "Queue.claim_next", "Queue.renew", "Queue.submit", "Queue.waiting", "Queue.withdraw"),
    **listed(CACHE, "projections.worker", "compute_after_training", "free_workers", "lock_slot", "main", "serve"),
    **listed(LOOKS, "inference.client", "ask", "stop"),
    **listed("the folder of a socket; in read-only mode outside the home", "inference.socket_path", "server_folder"),
    **listed(LOOKS, "inference_server.server", "Server.serve", "main"),
    **listed("starts a process that reads, and writes into a folder for temporary files", "imports.tensors", "TorchReader.read"),
    **listed("writes into a folder for temporary files", "experiments.examples", "studies"),
    **listed("writes into a folder for temporary files", "experiments.story", "first_story"),
    **listed(ELSEWHERE, "runs.bundle", "unpack_bundle"),
    **listed("writes into a folder for temporary files", "imports.incoming", "import_folder"),
    **listed("a process of its own, which writes where it is told", "torch_programs.untrusted_checkpoint", "main"),
    **listed(MEMORY, "export.itol", "itol_zip"),
    **listed(MEMORY, "export.projector", "projector_zip"),
    **listed(MEMORY, "export.tree_files", "tree_file"),
    **listed(MEMORY, "results.projector_files", "run_projector"),
    **listed(MEMORY, "runs.bundle", "write_bundle"),
    **listed("packs a run in memory and sends it; the app that takes it asks", "recording.push", "push_run", "Pusher.finish"),
    **listed(COMMAND, "cli.push", "push"),
    **listed(MEMORY, "export.pictures.card", "tree_card"),
    **listed(ELSEWHERE, "export.pictures.file", "write_picture"),
    **listed(ELSEWHERE, "export.pictures.curves", "curves_picture"),
    **listed(ELSEWHERE, "export.pictures.tanglegram", "tanglegram_bytes", "tanglegram_picture"),
    **listed(ELSEWHERE, "export.pictures.dendrogram", "dendrogram_picture"),
    **listed(ELSEWHERE, "experiments.examples", "pack_example"),
    **listed(ELSEWHERE, "experiments.small_bundle", "reduced"),
    **listed(ELSEWHERE, "cli.export", "export"),
    **listed("tries whether the home can be written, except in read-only mode", "doctor.checks", "examine"),
    **listed("asks the device and the driver by a process that writes nothing", "doctor.device", "device_findings", "start_check"),
    **listed(COMMAND, "runs.home_folder", "check_home"),
    **listed(COMMAND, "cli.jobs", "worker"),
    **listed(COMMAND, "cli.main", "demo", "doctor"),
    **listed(COMMAND, "cli.serve", "serve"),
    **listed(COMMAND, "cli.examples", "rebuild"),
    **listed(COMMAND, "cli.files", "import_"),
    **listed("asks a program for its version", "serving.haproxy", "find_haproxy"),
    **listed("asks a program for its version", "doctor.service", "processes_findings"),
    **listed("starts the app; without a worker in read-only mode", "jobs.service", "run_together", "run_several"),
}  # fmt: skip
"""Public functions that write and do not ask, and why they need not. Add a line only with a reason of its own."""


def test_every_function_that_writes_asks_or_is_listed() -> None:
    found = unguarded(ROOT, "lwal_core")
    new = {name: sorted(by) for name, by in found.items() if name not in LISTED}
    assert not new, (
        "These write (by the calls named) and do not ask check_writable first. Add it as their first line and to WRITERS in "
        f"tests/unit/security/test_permissions.py; only where that would be wrong, list them here with the reason: {new}"
    )
    assert set(LISTED) <= set(found), sorted(set(LISTED) - set(found))  # what no longer writes leaves the list


def test_pages_write_through_the_library_only() -> None:
    """What a page does itself is nothing but to put an upload into the cache; what is pushed passes a temporary file."""
    assert set(unguarded(ROOT, "app")) | set(unguarded(ROOT, "pages")) == set()
    own = {name for name, function in functions(ROOT, "app").items() if function.writes}
    assert own <= {"app.imports.uploads:clear_old", "app.web.push:_take"}


def test_the_guarded_ones_are_tried() -> None:
    """Every function that asks by itself is among those that the test of read-only mode calls, or is below one of them."""
    from tests.unit.security.test_permissions import WRITERS

    asking = {name for name, function in functions(ROOT, "lwal_core").items() if function.guarded}
    names = {name.partition(":")[2].removesuffix(".__init__") for name in asking}
    below = {"change_record", "create_imported_run", "create_share", "check_writable"}
    assert names - below <= set(WRITERS), sorted(names - below - set(WRITERS))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def put(p):\n    p.write_text('x')\n", {"put"}),
        ("def put(p):\n    open(p, 'w').write('x')\n", {"put"}),
        ("def put(p):\n    open(p, mode='ab')\n", {"put"}),
        ("import os\ndef put(p):\n    os.open(p, os.O_WRONLY)\n", {"put"}),
        ("import os\ndef put(p):\n    os.replace(p, p)\n", {"put"}),
        ("import shutil\ndef put(p):\n    if p:\n        shutil.rmtree(p)\n", {"put"}),
        ("def _in(p):\n    p.unlink()\ndef put(p):\n    _in(p)\n", {"put"}),
        ("def put(p):\n    check_writable('put')\n    p.unlink()\ndef more(p):\n    put(p)\n", set()),
        ("from pack.other import out\ndef put(p):\n    out(p)\n", {"put"}),
        ("from pack import out as away\ndef put(p):\n    away(p)\n", {"put"}),
        ("from pack import other\ndef put(p):\n    other.out(p)\n", {"put"}),
        ("class A:\n    def _in(self, p):\n        p.mkdir()\n    def put(self, p):\n        self._in(p)\n", {"A.put"}),
        ("class A:\n    def __init__(self):\n        check_writable('x')\n    def put(self, p):\n        p.mkdir()\n", set()),
        ("def look(p):\n    return open(p).read().replace('a', 'b')\n", set()),
    ],
)  # fmt: skip
def test_a_new_writer_is_found(tmp_path: Path, source: str, found: set[str]) -> None:
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("from pack.other import out\n")
    (package / "other.py").write_text("import os\ndef out(p):\n    os.remove(p)\n")
    (package / "new.py").write_text(source)
    assert {name.partition(":")[2] for name in unguarded(tmp_path, "pack") if name.startswith("pack.new")} == found
