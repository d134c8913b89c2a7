"""Launchers beside this machine's own processes: SLURM by submitit. No torch."""

from lwal_core.launchers.slurm import SlurmLauncher
from lwal_core.launchers.slurm_config import SlurmConfig, read_slurm_config
from lwal_core.launchers.slurm_worker import SlurmWorker

__all__ = ["SlurmConfig", "SlurmLauncher", "SlurmWorker", "read_slurm_config"]
