"""External method: trained by another program; its run is recorded, not trained here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints, field_validator

from lwal_core.config.base.method import MethodConfig, Rule, TaskInfo
from lwal_core.errors import TrainingError
from lwal_core.sanitize import printable

if TYPE_CHECKING:
    from lwal_core.methods.base import LabelMethod

EXTERNAL_METHOD: Final = "external"
"""Name that stands in the configuration of a run that a program of somebody's own recorded."""
MAX_TITLE, MAX_OPTION_NAME, MAX_OPTION_TEXT, MAX_OPTIONS = 120, 100, 500, 200
"""Characters of a title, of an option's name and of its text; options of a run."""

Scalar = (
    bool
    | int
    | Annotated[float, Field(allow_inf_nan=False)]
    | Annotated[str, StringConstraints(max_length=MAX_OPTION_TEXT)]
    | None
)


class External(MethodConfig):
    """What a program calls its method, and the options that it gave."""

    title = "External"
    summary = "trained by a program of your own, which recorded it"
    trainable = False
    recorded = True

    name: Literal["external"] = EXTERNAL_METHOD
    called: str = Field(
        max_length=MAX_TITLE, description="What the program calls its method: one line, at most 120 characters."
    )
    options: dict[Annotated[str, StringConstraints(max_length=MAX_OPTION_NAME)], Scalar] = Field(
        {},
        max_length=MAX_OPTIONS,
        description="Options of the program by name, at most 200: numbers, texts, yes or no.",
    )

    nearest: bool = Field(
        False, description="Its samples are classed by the nearest class mean: it has no predictions of its own."
    )

    @field_validator("called")
    @classmethod
    def _one_line(cls, called: str) -> str:
        called = " ".join(printable(called).split())
        if not called:
            raise ValueError("the method needs a name")
        return called

    @field_validator("options")
    @classmethod
    def _plain_options(cls, options: dict[str, Scalar]) -> dict[str, Scalar]:
        return {
            printable(name): printable(value) if isinstance(value, str) else value
            for name, value in sorted(options.items())
        }

    @property
    def rule(self) -> Rule:
        """Its own predictions, or the nearest class mean where it gave none."""
        return "labels" if self.nearest else "head"

    def resolve_dim(self, num_classes: int) -> int | None:
        """None: the program decides."""
        return None

    def label(self) -> str:
        """What the program calls it, and nothing else: two configurations of one method are told apart where both are
        shown."""
        return self.called

    def spelled_out(self) -> str:
        """As :meth:`label`."""
        return self.called

    def listed(self) -> dict[str, Any]:
        """See :class:`~lwal_core.config.base.method.MethodConfig`; its name is what the program calls it, and each option of the
        program is one of its own."""
        given = {f"config.{option}": value for option, value in self.options.items()}
        return {"method.name": self.called, **given}

    def build(self, task: TaskInfo) -> LabelMethod:
        """Refused; see :class:`~lwal_core.config.base.method.MethodConfig`."""
        raise TrainingError("A run that another program records is not trained here.", "Choose a method to train.")
