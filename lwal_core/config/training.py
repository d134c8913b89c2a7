"""Options of the training: optimiser, schedule, patience, device, precision."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue, model_validator

from lwal_core.config.base.part import Part

PAPER_SEEDS = (12, 123, 1234)
"""The seeds of the paper's experiments (section 4 of arXiv:2209.04528)."""


SINCE: dict[str, JsonValue] = {"since": "0.3"}
MAX_BATCH = 65_536


class TrainingConfig(Part):
    """Optimisation, and how the accuracy is taken."""

    epochs: int = Field(10, ge=1, le=10_000, description="Passes over the training data (1 to 10,000; the paper's 10).")
    batch_size: int = Field(
        64, ge=2, le=65_536, description="Samples per step (2 to 65,536). LwAL's class means come from one batch: several "
        "samples of every class a batch keep them steady (the paper's 50 per class).",
    )  # fmt: skip
    sampler: Literal["plain", "class-balanced", "balanced"] = Field(
        "plain", json_schema_extra=SINCE, description="Way to draw batches. plain: every sample once an epoch. class-balanced: every class "
        "equally often. balanced: each batch has samples_per_class samples of each of classes_per_batch classes; batch_size is their "
        "product and is left out. An epoch is as many samples as the training set has.",
    )  # fmt: skip
    classes_per_batch: int = Field(
        8, ge=2, le=32_768, json_schema_extra=SINCE, description="Classes of each batch of the balanced sampler (2 to 32,768).",
    )  # fmt: skip
    samples_per_class: int = Field(
        4, ge=1, le=32_768, json_schema_extra=SINCE, description="Samples of each class in a batch of the balanced sampler (1 to 32,768).",
    )  # fmt: skip
    chunk_size: int | None = Field(
        None, ge=4, le=65_536, json_schema_extra=SINCE, description="Samples that the encoder takes at a time (4 to 65,536), so that "
        "batches larger than the memory fit: each goes through it twice, and the gradient is that of the whole batch (gradient caching). "
        "Batch norm takes its statistics from each chunk. Empty: the whole batch at once.",
    )  # fmt: skip
    learning_rate: float = Field(1e-3, gt=0.0, le=10.0, description="Step size of the optimiser (above 0, up to 10).")
    optimizer: Literal["adam", "adamw", "sgd"] = Field(
        "adam", description="adam (the paper's), adamw, or sgd with momentum 0.9."
    )
    weight_decay: float = Field(
        0.0,
        title="Weight decay",
        json_schema_extra={"decimals": 4},
        ge=0.0,
        le=1.0,
        description="Weight decay (0 to 1).",
    )
    schedule: Literal["constant", "cosine"] = Field(
        "constant",
        title="Schedule of the learning rate",
        description="Learning rate over the training: constant (the paper's), or cosine, which falls to 0 at the end.",
    )
    warmup_epochs: float = Field(
        0.0, title="Warm-up, epochs", ge=0.0, le=1_000.0, description="Epochs over which the learning rate rises from near 0 to "
        "its full value (0 to 1,000; 0 starts with the full value).",
    )  # fmt: skip
    clip_norm: float | None = Field(
        None, title="Largest norm of the gradient", gt=0.0, le=1e6, description="Largest Euclidean norm of the whole gradient; "
        "a larger one is scaled down to it. Empty: gradients stay as they are.",
    )  # fmt: skip
    patience: int | None = Field(
        None, title="Patience, epochs", ge=1, le=10_000, description="Stop after so many epochs without a better value of the watched "
        "metric. Empty: train all epochs.",
    )  # fmt: skip
    watch: Literal[
        "accuracy", "validation_accuracy", "validation_accuracy_mean", "validation_accuracy_own",
        "test_accuracy", "test_accuracy_mean", "test_accuracy_own", "loss",
    ] = Field(
        "accuracy", description="Metric that patience watches: accuracy on the validation part where there is one, else on the test set; "
        "on one of both by name: by the rule that the method is used with, by nearest class mean, or by the method's own predictor; or the "
        "training loss.",
    )  # fmt: skip
    seed: int = Field(
        12, ge=0, le=2**31 - 1, description="Seed of the initial weights, the order of the samples and dropout. "
        "Two runs with one seed are equal bit for bit on the CPU.",
    )  # fmt: skip
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|mps|cuda(:[0-9]{1,2})?)$", description="auto (a GPU if there is one), cpu, cuda, cuda:N or mps.",
    )  # fmt: skip
    devices: int = Field(
        1, ge=1, le=64, description="GPUs (or CPU processes) that train one run together (1 to 64). A batch is split between them; "
        "class means and push loss are those of the whole batch.",
    )  # fmt: skip
    nodes: int = Field(
        1, ge=1, le=64, json_schema_extra=SINCE, description="Machines of a cluster that train one run together (1 to 64), with devices "
        "GPUs or processes each; see docs/clusters.md.",
    )  # fmt: skip
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", title="Precision", description="Precision of the encoder's arithmetic: auto takes bfloat16 on GPUs that have it and "
        "float32 elsewhere. Labels and losses are always float32.",
    )  # fmt: skip
    channels_last: bool = Field(
        True,
        description="Keep images and convolutions in the memory order that GPUs and processors like best; same results up to rounding.",
    )
    compile: bool = Field(
        False,
        description="Compile the encoder before training: minutes at the start for faster steps. Needs a C++ compiler or Triton.",
    )
    head_rate: float = Field(
        1.0, title="Rate of the head, times", json_schema_extra=SINCE, gt=0.0, le=1_000.0,
        description="Learning rate of everything but the encoder, as a multiple of learning_rate (above 0, up "
        "to 1,000): the head starts at random, a pretrained encoder does not, so 10 is usual for fine-tuning.",
    )  # fmt: skip
    layer_decay: float = Field(
        1.0, title="Decay of the rate by layer", json_schema_extra=SINCE, gt=0.0, le=1.0,
        description="Learning rate of a backbone's layer as a multiple of that of the layer after it (above 0, up to "
        "1; 1 is the same for all): the first layers change least. 0.65 to 0.85 are usual for vision transformers.",
    )  # fmt: skip
    ema_decay: float | None = Field(
        None, title="Averaged weights, decay", json_schema_extra={"decimals": 4, **SINCE}, ge=0.0, lt=1.0,
        description="Evaluate and keep an exponential mean of weights, batch norm statistics and labels. Of it, so "
        "much stays at every step (0 to below 1; 0.999 is a mean over about 1,000 steps); at first (1 + steps) / (10 + steps), where "
        "that is less. Empty: the weights of the last step.",
    )  # fmt: skip
    consolidation_per_class: int = Field(
        200, ge=1, le=1_000_000, description="Training samples per class from which the consolidated labels (class means in "
        "evaluation mode) are taken after each epoch.",
    )  # fmt: skip
    evaluation: Literal["running_means", "batch_statistics"] = Field(
        "running_means", json_schema_extra=SINCE, description="What batch norm takes when accuracies are measured. running_means: what it "
        "averaged over the training (the usual evaluation mode). batch_statistics: means and variances of batch_size samples that are "
        "looked at together, as the authors' scripts do; one process only.",
    )  # fmt: skip

    @property
    def step_size(self) -> int:
        """Samples of a whole batch."""
        return self.classes_per_batch * self.samples_per_class if self.sampler == "balanced" else self.batch_size

    def batches_per_epoch(self, samples: int, processes: int = 1) -> int:
        """Batches of an epoch over so many training samples, at least 1.

        A last batch that leaves one of the processes fewer than two samples is left out, as one sample has no batch statistics;
        the balanced sampler has whole batches alone.
        """
        whole, rest = divmod(samples, self.step_size)
        return max(1, whole + (self.sampler != "balanced" and rest >= 2 * processes))

    @model_validator(mode="after")
    def _one_process_for_batch_statistics(self) -> TrainingConfig:
        if self.evaluation == "batch_statistics" and self.devices * self.nodes > 1:
            raise ValueError("evaluation: batch_statistics are those of one process; set devices and nodes to 1")
        return self

    @model_validator(mode="after")
    def _one_size_of_batch(self) -> TrainingConfig:
        fields = type(self).model_fields
        if self.sampler == "balanced":
            product = f"{self.classes_per_batch} x {self.samples_per_class} = {self.step_size:,}"
            if self.step_size > MAX_BATCH:
                raise ValueError(f"a batch of {product} samples is too large; at most {MAX_BATCH:,}")
            if self.batch_size not in (fields["batch_size"].default, self.step_size):
                raise ValueError(
                    f"batch_size {self.batch_size:,} does not go with the balanced sampler, whose batches have {product} samples; "
                    "leave it out"
                )
            return self
        set_in_vain = [o for o in ("classes_per_batch", "samples_per_class") if getattr(self, o) != fields[o].default]
        if set_in_vain:
            raise ValueError(
                f"{' and '.join(set_in_vain)}: for the balanced sampler alone; choose it, or leave this out"
            )
        return self
