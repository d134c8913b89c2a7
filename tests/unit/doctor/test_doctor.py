"""``lwal doctor``: each trouble is a finding with what to do, whatever fails while looking, and no password is printed."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lwal_core.cli.main import main
from lwal_core.config import RunConfig
from lwal_core.doctor import checks, service
from lwal_core.doctor import device as doctor_device
from lwal_core.doctor.device import TOLERANCE, device_findings, driver_findings, start_check
from lwal_core.doctor.findings import Finding
from lwal_core.jobs import submit
from lwal_core.jobs.worker_heartbeat import WorkerHeartbeat, admission_folder
from lwal_core.runs import Run, create_run
from lwal_core.runs.home_folder import HomeError
from lwal_core.security.redact import redacted
from lwal_core.torch_programs.device_probe import difference, look

Make = Callable[..., Run]
SMI = "| NVIDIA-SMI 550.54.15              Driver Version: 550.54.15      CUDA Version: 12.4     |"


def child(monkeypatch: pytest.MonkeyPatch, code: str) -> list[Finding]:
    """Findings when the process that tries the device does this instead; no driver is there."""
    monkeypatch.setattr(doctor_device, "CHECK", (sys.executable, "-c", code))
    monkeypatch.setattr(doctor_device, "_driver_text", lambda: None)
    return device_findings(start_check())


def told(monkeypatch: pytest.MonkeyPatch, **facts: object) -> list[Finding]:
    return child(monkeypatch, f"print({json.dumps(facts)!r})")


class TestDevice:
    def test_the_processor_agrees_with_itself_and_a_wrong_product_is_far_off(self):
        assert difference(torch.device("cpu")) < 1e-5 < TOLERANCE
        facts = look()
        assert facts["torch"] == torch.__version__ and "problem" not in facts

    @pytest.mark.parametrize(
        "code", ["import os; os.abort()", "raise SystemExit('no kernel image')", "print('not JSON')", "print('[1]')"]
    )
    def test_a_process_that_fails_is_a_finding(self, monkeypatch: pytest.MonkeyPatch, code: str):
        (found,) = child(monkeypatch, code)
        assert found.level == "problem" and found.fix and "failed" in found.text

    def test_a_process_that_hangs_is_ended(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(doctor_device, "CHECK_SECONDS", 0.2)
        began = time.monotonic()
        (found,) = child(monkeypatch, "import time; time.sleep(60)")
        assert found.level == "problem" and "did not answer" in found.text and time.monotonic() - began < 20

    def test_a_program_that_cannot_be_started_is_a_finding(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(doctor_device, "CHECK", ("/nowhere/python",))
        (found,) = device_findings(start_check())
        assert found.level == "problem" and "No process" in found.text

    def test_a_device_whose_kernel_fails_or_computes_nonsense(self, monkeypatch: pytest.MonkeyPatch):
        device = {"device": "cuda:0", "title": "GPU"}
        found = told(
            monkeypatch,
            cuda="12.6",
            devices=[
                {**device, "problem": "no kernel image is available"},
                {**device, "difference": 0.5},
                {**device, "difference": 1e-6, "memory": 80 * 2**30},
            ],
        )
        assert [f.level for f in found] == ["problem", "problem", "ok"]
        assert (
            "no kernel image" in found[0].text and "wrong matrix product" in found[1].text and "80 GiB" in found[2].text
        )
        nan = child(monkeypatch, 'print(\'{"devices": [{"device": "cuda:0", "difference": NaN}]}\')')
        assert nan[0].level == "problem"

    def test_torch_that_cannot_be_imported(self, monkeypatch: pytest.MonkeyPatch):
        (found,) = told(monkeypatch, problem="torch cannot be imported: libcudart.so.12")
        assert found.level == "problem" and "libcudart" in found.text

    @pytest.mark.parametrize(
        ("text", "cuda", "usable", "levels"),
        [
            (None, None, False, []),
            (SMI, "12.6", True, ["ok"]),  # a driver runs later minor versions of its major one
            (SMI, "11.8", True, ["ok"]),
            (SMI, "13.0", False, ["problem"]),
            (SMI, "12.4", False, ["problem"]),
            (SMI, None, False, ["warning"]),
            (
                "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
                "12.4",
                False,
                ["problem"],
            ),
            ("", "12.4", False, ["problem"]),
        ],
    )
    def test_the_driver_against_the_wheel(self, text: str | None, cuda: str | None, usable: bool, levels: list[str]):
        found = driver_findings(text, cuda, usable=usable)
        assert [f.level for f in found] == levels and all(f.fix for f in found if f.level != "ok")


class TestMissingHome:
    """A home that is mistyped is looked for and never made."""

    @pytest.mark.parametrize(
        ("path", "level"), [("hoem", "warning"), ("nope/home", "problem"), ("file/home", "problem")]
    )
    def test_doctor_makes_nothing(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str, level: str):
        (tmp_path / "file").write_text("")
        before = sorted(tmp_path.rglob("*"))
        monkeypatch.setenv("LWAL_HOME", str(tmp_path / path))
        (found,) = [each for each in checks.examine_place() if each.subject == "home"]
        assert found.level == level and str(tmp_path / path) in found.text and "LWAL_HOME" in found.fix
        assert sorted(tmp_path.rglob("*")) == before

    def test_the_default_home_is_made_with_the_first_run(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        monkeypatch.delenv("LWAL_HOME", raising=False)
        monkeypatch.chdir(tmp_path)
        (found,) = [each for each in checks.examine_place() if each.subject == "home"]
        assert found.level == "ok" and "first run" in found.text and not list(tmp_path.iterdir())

    def test_a_training_makes_the_home_and_not_the_folders_above(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        with pytest.raises(HomeError, match="neither is the folder"):
            create_run(RunConfig(), home=tmp_path / "nope" / "home")
        assert not list(tmp_path.iterdir())
        assert create_run(RunConfig(), home=tmp_path / "new").path.is_dir()


class TestService:
    def test_runs_wait_and_nobody_trains_them_then_somebody_does(self, home: Path, make_run: Make):
        submit(make_run(status="queued"))
        found = service.queue_finding()
        assert found.level == "warning" and found.counts == {"waiting": 1, "workers": 0, "slots": 0, "in_queue": 1}
        line = admission_folder(home)
        line.mkdir(parents=True, exist_ok=True)
        WorkerHeartbeat(line, 2).beat()
        found = service.queue_finding()
        assert found.level == "ok" and found.counts is not None and found.counts["slots"] == 2

    @pytest.mark.parametrize("scheme", ["redis", "postgresql"])
    def test_a_server_that_is_away_is_named_without_its_password(
        self, monkeypatch: pytest.MonkeyPatch, home: Path, scheme: str
    ):
        monkeypatch.setenv("LWAL_QUEUE_URL", f"{scheme}://lab:s%2Fcret@127.0.0.1:1/0")
        found = service.queue_finding()
        assert found.level == "problem" and "127.0.0.1" in found.text and found.fix
        assert "cret" not in found.text + found.fix

    def test_a_server_that_never_answers(self, monkeypatch: pytest.MonkeyPatch, home: Path):
        monkeypatch.setenv("LWAL_QUEUE_URL", "redis://127.0.0.1:1/0")
        monkeypatch.setattr(service, "QUEUE_SECONDS", 0.1)
        monkeypatch.setattr(service, "_ask", lambda *_: time.sleep(2))
        assert "did not answer" in service.queue_finding().text

    AUTH = """[auth]
redirect_uri = "https://lwal.example.org/oauth2callback"
cookie_secret = "0123456789abcdef0123456789abcdef"
client_id = "lwal"
client_secret = "hush-hush"
server_metadata_url = "https://id.example.org/.well-known/openid-configuration"
"""

    @pytest.mark.parametrize(
        ("change", "owners", "level", "words"),
        [
            (("", ""), "a@b.org", "ok", "1 provider"),
            (("", ""), "", "problem", "nobody gets in"),
            (("client_id", "client"), "a@b.org", "problem", "lacks client_id"),
            (("/oauth2callback", "/callback"), "a@b.org", "problem", "oauth2callback"),
            (("0123456789abcdef0123456789abcdef", "short"), "a@b.org", "problem", "cookie_secret"),
            (("[auth]", "[auth"), "a@b.org", "problem", "cannot be read"),
            (("[auth]", "[other]"), "a@b.org", "problem", "nobody gets in"),
        ],
    )
    def test_the_sign_in(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        change: tuple[str, str],
        owners: str,
        level: str,
        words: str,
    ):
        file = tmp_path / "secrets.toml"
        file.write_text(self.AUTH.replace(*change) if change[0] else self.AUTH)
        file.chmod(0o600)
        monkeypatch.setenv("LWAL_SECRETS", str(file))
        monkeypatch.setenv("LWAL_OWNERS", owners)
        found = service.mode_findings()[-1]
        assert (found.level, words in found.text) == (level, True), found
        assert "hush" not in str(found) and "0123456789abcdef" not in str(found)


class TestPlace:
    def test_a_home_that_cannot_be_written(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("LWAL_HOME", str(tmp_path / "file" / "home"))
        found = {f.subject: f for f in checks.examine_place()}
        assert found["home"].level == "problem" and "LWAL_HOME" in found["home"].fix

    def test_read_only_mode_writes_nothing(self, monkeypatch: pytest.MonkeyPatch, home: Path):
        home.mkdir()
        monkeypatch.setenv("LWAL_READ_ONLY", "1")
        found = checks.examine_place()
        assert not [f for f in found if f.level == "problem"] and not list(home.iterdir())

    def test_a_file_from_the_future(self, make_run: Make):
        run = make_run()
        assert checks._clock().level == "ok"
        os.utime(run.path / "run.json", (time.time() + 3600,) * 2)
        assert checks._clock().level == "warning" and "future" in checks._clock().text

    def test_little_shared_memory(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        usage = type("Usage", (), {"total": 64 * 2**20})
        monkeypatch.setattr(checks.shutil, "disk_usage", lambda place: usage)
        (found,) = checks._shared_memory(tmp_path)
        assert found.level == "warning" and "64 MiB" in found.text and "shm" in found.fix
        assert checks._shared_memory(tmp_path / "none") == []

    @pytest.mark.parametrize(
        ("name", "value", "level", "words"),
        [
            ("LWAL_MAX_UPLOAD_MB", "lots", "problem", "LWAL_MAX_UPLOAD_MB"),
            ("LWAL_READONLY", "1", "warning", "LWAL_READ_ONLY"),
            ("LWAL_SLOTS", "0", "problem", "LWAL_SLOTS"),
            ("LWAL_QUEUE_URL", "http://user:hunter22@host", "problem", "http"),
            ("LWAL_LOG", "xml", "problem", "LWAL_LOG"),
            ("LWAL_MAX_QUEUED_PER_USER", "-1", "problem", "LWAL_MAX_QUEUED_PER_USER"),
        ],
    )
    def test_settings(self, monkeypatch: pytest.MonkeyPatch, name: str, value: str, level: str, words: str):
        monkeypatch.setenv(name, value)
        (found,) = checks._settings()
        assert found.level == level and words in found.text + found.fix and "hunter22" not in str(found)

    @pytest.mark.parametrize(
        ("content", "mode", "level", "words"),
        [
            (None, 0, "problem", "cannot be read"),
            (b"\xff\xfe\x00", 0o600, "problem", "no text"),
            (b"", 0o600, "warning", "no token"),
            (b"cluster " + b"a" * 64 + b"\n\n# mine\nlab " + b"b" * 64, 0o600, "ok", "2 tokens"),
            (b"cluster " + b"a" * 64, 0o666, "warning", "changed by others"),
            (b"cluster " + b"a" * 64 + b"\nlab secret-itself\n", 0o600, "problem", "line 2"),
        ],
    )
    def test_the_file_of_push_tokens(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, mode: int, level: str, words: str
    ):
        file = tmp_path / "tokens"
        monkeypatch.setenv("LWAL_PUSH_TOKENS", str(file))
        if content is not None:
            file.write_bytes(content)
            file.chmod(mode)
        (found,) = checks._push_tokens()
        assert found.level == level and words in found.text and "secret-itself" not in str(found)

    def test_without_a_file_of_push_tokens_there_is_nothing_to_say(self):
        assert checks._push_tokens() == []

    def test_what_cannot_be_looked_at_is_said_and_hides_nothing(self, monkeypatch: pytest.MonkeyPatch, home: Path):
        def broken() -> Finding:
            raise RuntimeError("two\nlines")

        monkeypatch.setattr(checks, "_clock", broken)
        found = checks.examine_place()
        (trouble,) = [f for f in found if f.level == "problem"]
        assert "RuntimeError: two" in trouble.text and len(found) > 8


def test_the_command_never_shows_a_traceback_or_a_password(
    monkeypatch: pytest.MonkeyPatch, home: Path, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(doctor_device, "CHECK", (sys.executable, "-c", "import os; os.abort()"))
    monkeypatch.setenv("LWAL_QUEUE_URL", "redis://:hunter22@127.0.0.1:1/0?password=hunter23")
    for arguments in (["doctor"], ["doctor", "--json"]):
        monkeypatch.setattr(sys, "argv", ["lwal", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        done = capfd.readouterr()
        assert stopped.value.code == 1 and "Traceback" not in done.out + done.err
        assert "hunter2" not in done.out + done.err
    levels = {finding["subject"]: finding["level"] for finding in json.loads(done.out)}
    assert levels["device"] == levels["queue"] == "problem"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://u:p@h:1/0", "redis://u:***@h:1/0"),
        ("redis://:p@h", "redis://:***@h"),
        ("postgresql://u:a@b@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u@h/db?password=x&sslmode=on", "postgresql://u@h/db?password=***&sslmode=on"),
        ("http://h/?share=abcDEF_-1 end", "http://h/?share=*** end"),
        ("nothing: here@all", "nothing: here@all"),
    ],
)
def test_passwords_are_covered(text: str, shown: str):
    assert redacted(text) == shown


class TestProcesses:
    def test_the_proxy_is_asked_for_where_several_are_wanted(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        assert service.processes_findings() == []
        monkeypatch.setenv("LWAL_PROCESSES", "3")
        monkeypatch.setattr("lwal_core.serving.haproxy._PLACES", "")
        monkeypatch.setenv("PATH", str(tmp_path))
        (missing,) = service.processes_findings()
        assert missing.level == "problem" and "HAProxy" in missing.text and "apt install haproxy" in missing.fix
        (tmp_path / "haproxy").write_text("#!/bin/sh\necho 'HAProxy version 3.2.1'\n")
        (tmp_path / "haproxy").chmod(0o755)
        (found,) = service.processes_findings()
        assert (found.level, found.text) == ("ok", "3 app processes behind HAProxy 3.2")
