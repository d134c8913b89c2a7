"""A real SLURM cluster of two nodes, n1 and n2, on this machine, for one test session; Debian's packages slurmctld, slurmd,
slurm-client and munge. tests/run_all.py installs them where it may.

Jobs of the partition ``urgent`` preempt those of ``main``, which are told 30 s before, and those of ``abrupt``, which are not.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "srun", "squeue", "scancel")
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"  # where Debian keeps servers
CONF = """ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
FirstJobId={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool%n
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/controller.log
SlurmdLogFile={folder}/%n.log
SlurmctldParameters=preempt_send_user_signal
MpiDefault=none
KillWait=5
SlurmdTimeout=60
SchedulerParameters=sched_min_interval=0,sched_interval=2,bf_interval=2
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[0]} CPUs=2 RealMemory=500
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2 RealMemory=500
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=01:00:00 State=UP PriorityTier=1 GraceTime=30
PartitionName=abrupt Nodes=n1,n2 MaxTime=01:00:00 State=UP PriorityTier=1 GraceTime=0
PartitionName=urgent Nodes=n1,n2 MaxTime=01:00:00 State=UP PriorityTier=9 PreemptMode=OFF
"""


class Cluster:
    """The cluster; ``environment`` lets commands of SLURM find it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.host = folder, socket.gethostname().partition(".")[0]
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": PATH}
        for name in ("state", "spooln1", "spooln2"):
            (folder / name).mkdir()
        port, *ports = free_ports(3)
        text = CONF.format(folder=folder, host=self.host, port=port, ports=ports)
        (folder / "slurm.conf").write_text(text, encoding="utf-8")
        (folder / "munge.key").write_bytes(os.urandom(1024))
        (folder / "munge.key").chmod(0o400)
        self._start(
            "munged", "--force", f"--key-file={folder}/munge.key", f"--socket={folder}/munge.socket",
            f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log", f"--seed-file={folder}/munge.seed",
        )  # fmt: skip
        self.start_controller()
        for node in ("n1", "n2"):
            self.start_node(node)

    def start_controller(self) -> None:
        """Start slurmctld, and wait until it answers."""
        self._start("slurmctld", "-f", str(self.folder / "slurm.conf"))
        _until(lambda: self.run("squeue", check=False).returncode == 0)

    def stop_controller(self) -> None:
        """End slurmctld."""
        pid = self._pid("controller")
        os.kill(pid, signal.SIGTERM)
        _until(lambda: not psutil.pid_exists(pid))

    def start_node(self, node: str) -> None:
        """Start slurmd, and wait until jobs may go there."""
        self._start("slurmd", "-f", str(self.folder / "slurm.conf"), "-N", node)
        _until(lambda: self.run("sinfo", "-h", "-n", node, "-o", "%t").stdout.strip() in ("idle", "mix", "alloc"))

    def kill_node(self, node: str) -> None:
        """Kill slurmd and every process of jobs on a node, as a power failure does; then let the controller know what it would
        find out by itself after SlurmdTimeout."""
        for process in self._processes_of(node):
            process.kill()
        self.run("scontrol", "update", f"nodename={node}", "state=down", "reason=test")

    def _processes_of(self, node: str) -> list[psutil.Process]:
        """Steps of a node, its slurmd, and what they started; in this order, so that nobody reports that another one ended."""
        found = [psutil.Process(self._pid(node))]
        for process in psutil.process_iter(["name", "environ"]):
            if (process.info["environ"] or {}).get("SLURMD_NODENAME") == node and self._is_mine(process):
                found.append(process)
        jobs = set(self.run("squeue", "-h", "-w", node, "-o", "%i").stdout.split())
        for process in psutil.process_iter(["name", "cmdline"]):
            words = " ".join(process.info["cmdline"] or [])
            if words.startswith("slurmstepd: [") and words[len("slurmstepd: [") :].split(".")[0] in jobs:
                found.insert(0, process)
        return found

    def _is_mine(self, process: psutil.Process) -> bool:
        return (process.info["environ"] or {}).get("SLURM_CONF", "") == self.environment["SLURM_CONF"]

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of SLURM."""
        environment = {**os.environ, **self.environment}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=check, timeout=60)

    def preempt(self, seconds: float) -> str:
        """Submit a job that needs both nodes, in the partition of higher priority; returns its number."""
        options = ("--parsable", "--partition=urgent", "--nodes=2", "--exclusive", "--output=/dev/null")
        return self.run("sbatch", *options, "--wrap", f"sleep {seconds}").stdout.strip()

    def state(self, job: str) -> str:
        """SLURM's word for the state of a job."""
        return self.run("squeue", "-h", "--states=all", "-j", job, "-o", "%T", check=False).stdout.strip()

    def stop(self) -> None:
        """End everything."""
        self.run("scancel", f"--user={os.geteuid()}", check=False)
        for name in ("n1", "n2", "controller", "munged"):
            try:
                os.kill(self._pid(name), signal.SIGKILL if name == "controller" else signal.SIGTERM)
            except (OSError, ValueError):
                continue

    def _start(self, program: str, *arguments: str) -> None:
        path = shutil.which(program, path=PATH)
        assert path is not None
        subprocess.run(
            [path, *arguments], env={**os.environ, **self.environment}, check=True, timeout=60,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _pid(self, name: str) -> int:
        return int((self.folder / f"{name}.pid").read_text())


def running_cluster() -> Iterator[Cluster]:
    """A cluster that ends with the caller; skips, in continuous integration fails, where it cannot be had."""
    missing = [program for program in PROGRAMS if shutil.which(program, path=PATH) is None]
    reason = f"{', '.join(missing)} not installed (Debian's slurmctld, slurmd, slurm-client, munge)" if missing else ""
    if not reason and os.geteuid() != 0:
        reason = "slurmd runs as root"
    if reason and os.environ.get("CI"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    pytest.importorskip("submitit")
    folder = Path(tempfile.mkdtemp(prefix="lwal-slurm-", dir="/tmp"))  # a socket's path is short
    folder.chmod(0o755)  # munged asks for it
    cluster = None
    try:
        cluster = Cluster(folder)
        yield cluster
    finally:
        if cluster is not None:
            cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "SLURM did not start"
        time.sleep(0.1)
