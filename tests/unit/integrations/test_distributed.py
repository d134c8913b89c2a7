"""Two processes that train together: the first records, alone and without waiting for the other."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lwal_core.runs import list_runs, open_run
from tests.unit.integrations.test_torch import slow_means

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import os
import torch
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler
from lwal_core.integrations.torch import record_epoch
from tests.support.integrations import loaders, small_network, start, train_epoch

torch.set_num_threads(1)
torch.distributed.init_process_group("gloo")
rank = torch.distributed.get_rank()
train, test = loaders()
network = DistributedDataParallel(small_network())
optimizer = torch.optim.SGD(network.parameters(), 1e-2)
with start("ddp") as run:
    for epoch in (1, 2):
        batches = DataLoader(train.dataset, 12, sampler=DistributedSampler(train.dataset))
        train_epoch(network, batches, optimizer)
        found = record_epoch(run, epoch, network, test)  # every process calls it
        assert (found is None) == (rank > 0) and all(layer.training for layer in network.modules())
torch.distributed.barrier()
if rank == 0:
    torch.save(network.module.state_dict(), "network.pt")
torch.distributed.destroy_process_group()
os._exit(0)  # threads of torch.distributed may still run, and C++ aborts a process that takes them down
"""


@pytest.mark.process
def test_the_first_process_records_alone(tmp_path: Path) -> None:
    import torch

    from tests.support.integrations import small_network, squares

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = {**os.environ, "PYTHONPATH": str(ROOT), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM], env=common | {"RANK": str(rank), "LOCAL_RANK": str(rank)}, cwd=tmp_path,
            stderr=subprocess.PIPE, text=True,
        )
        for rank in (0, 1)
    ]  # fmt: skip
    for process in processes:
        _, said = process.communicate(timeout=170)
        assert process.returncode == 0, said
    (run,) = list_runs()
    assert run.status == "done"
    network = small_network()
    network.load_state_dict(torch.load(tmp_path / "network.pt", weights_only=True))
    network.eval()
    means = slow_means(network[:-1], *squares(60, seed=1))
    assert np.abs(open_run(run.id).labels(2).centroids - means).max() < 1e-5
