"""Base configuration of label methods, and their registry."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

from lwal_core.config.base.part import Part

if TYPE_CHECKING:
    from lwal_core.methods.base import ClassHead, LabelMethod, OutputLayer

MAX_LABEL_DIM = 65_536
"""Largest label dimension K: beyond it the label table of 10,000 classes alone takes 2.4 GiB."""

Rule = Literal["head", "labels", "product"]
"""What a method is used with: the largest output of its head, the nearest label, or the product of both: the class whose
probability by the head times that by the distances to the class means is largest."""

DEFAULT_METHOD = "lwal"
"""Method of a configuration that names none."""

OPTIONS_OF_0_1: Mapping[str, Any] = {
    "dim": "1x", "push_weight": 10.0, "stationary_steps": 1, "warmup_steps": 0, "decay": 1.0, "leave_one_out": False,
    "gradient_through_update": True, "distance_temperature": 1.0, "start": "identity", "smoothing": 0.1,
    "label_vectors": "sentence", "retrospection_epochs": 5, "temperature": 5.0, "alpha": 0.9, "beta": 0.5, "tau": 2.0,
}  # fmt: skip
"""Options with their defaults that release 0.1 wrote into the record of every run, whatever its method. They stay part of
what the keys of a configuration are made from, so that runs of 0.1 and later ones are repeats of each other."""


class TaskInfo(NamedTuple):
    """What a label method may need to know of the task.

    Attributes:
        class_names: C names.
        train_size: Samples in the training set.
        features: Outputs of the encoder.
        seed: Of whatever the method draws at random.
        taxonomy: Name of the data set's own reference hierarchy; None where it has none.
    """

    class_names: tuple[str, ...]
    train_size: int
    features: int
    seed: int
    taxonomy: str | None = None


class Variant(NamedTuple):
    """Options of a method under a name of their own.

    Attributes:
        sentence: What they are, in one sentence.
        options: The options.
        when: When to take them, in at most eight words that docs/results.md bears out; what has such words is recommended.
    """

    sentence: str
    options: Mapping[str, Any] = MappingProxyType({})
    when: str = ""


class MethodConfig(Part):
    """A label method and its options: the base of one small class per method (:mod:`lwal_core.config.methods`).

    A method's class fixes ``name`` and adds a field for every option. Every field is in the command line, one with a ``title``
    in the training form, too. ``json_schema_extra`` may hold more about it: ``term``, the glossary's word for its help;
    ``placeholder`` of a text; ``file``, true where a text that is not the default is the path of a file.

    Attributes:
        name: What configurations, records and the command line call it.
        title: What tables, legends and the form call it.
        summary: What it is, in a few words after a colon.
        sentence: What it is, in one sentence of plain words; empty where the summary is all that there is to say.
        when: As of :class:`Variant`, for a method without variants.
        variants: The named ones, by title: the form's choices, and what tables and legends call options like these. The method
            itself when there is none; the first one has the method's title and its defaults.
        is_baseline: Whether the others are measured against it; true for one method.
        trainable: Whether a training here makes it; not so for vectors that were brought in a file.
        recorded: Whether a program of somebody's own trains it and records what comes of it.
        learns_labels: Whether the label table is learned with the network.
        equidistant_labels: Whether the label table is the identity throughout: every class equally far from every other, so
            that only class means say anything about the classes.
        predictor: The rule that the method is used with, unless its options say another; see :attr:`rule`.
        in_title: Options that :meth:`titled` says.
    """

    name: str
    title: ClassVar[str]
    summary: ClassVar[str]
    sentence: ClassVar[str] = ""
    when: ClassVar[str] = ""
    variants: ClassVar[Mapping[str, Variant]] = {}
    is_baseline: ClassVar[bool] = False
    trainable: ClassVar[bool] = True
    recorded: ClassVar[bool] = False
    learns_labels: ClassVar[bool] = False
    equidistant_labels: ClassVar[bool] = False
    predictor: ClassVar[Rule] = "head"
    in_title: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def choices(cls) -> dict[str, Variant]:
        """The named variants; the method itself, with its defaults, where it has none."""
        said = cls.sentence or f"{cls.summary[:1].upper()}{cls.summary[1:]}."
        return dict(cls.variants) or {cls.title: Variant(said, when=cls.when)}

    @classmethod
    def takes(cls, option: str, chosen: Mapping[str, Any]) -> bool:
        """Whether an option says anything beside those that one of the :attr:`variants` has chosen.

        Args:
            option: Its name; that of another method's option is not taken.
            chosen: Options of the variant.
        """
        return option in cls.model_fields and option not in chosen

    @property
    def rule(self) -> Rule:
        """The rule that the method is used with."""
        return self.predictor

    @property
    def softmax_temperature(self) -> float | None:
        """What distances to the labels are divided by before a softmax makes probabilities of them; None where the training
        makes none."""
        return None

    @property
    def has_class_head(self) -> bool:
        """Whether rules with a head read one of the method's own, see :meth:`class_head`, in place of ``z``."""
        return type(self).class_head is not MethodConfig.class_head

    @property
    def told_taxonomy(self) -> bool:
        """Whether the method is told a hierarchy of the classes, by its option ``taxonomy``; then one must fit them."""
        return False

    def resolve_dim(self, num_classes: int) -> int | None:
        """Label dimension K for this many classes; None for labels that are as wide as vectors from a file.

        Raises:
            ConfigError: K would be larger than :data:`MAX_LABEL_DIM`.
        """
        return num_classes

    def label(self) -> str:
        """Name for tables and legends: that of the variant from which the fewest options differ, of several the first, and
        those options, e.g. ``"lwal-plus, push 0.5"``."""
        differing = {title: self._differing(variant.options) for title, variant in self.choices().items()}
        title = min(differing, key=lambda each: len(differing[each]))
        return ", ".join([title, *filter(None, map(self.option_text, differing[title]))])

    def _differing(self, options: Mapping[str, Any]) -> list[str]:
        """Options that are neither as given nor, where nothing is given, at their defaults."""
        fields = type(self).model_fields
        return [o for o in fields if o != "name" and getattr(self, o) != options.get(o, fields[o].default)]

    def spelled_out(self) -> str:
        """The method's title, and every option that is not at its default, as release 0.2 called it: ids of runs and names of
        files are made from it, whatever name the options have got since."""
        written = [o for o in self._differing({}) if o not in self.in_title]
        return ", ".join([self.titled(), *filter(None, map(self.option_text, written))])

    def titled(self) -> str:
        """The title that :meth:`spelled_out` begins with; it says the options of :attr:`in_title`."""
        return self.title

    def option_text(self, option: str) -> str:
        """An option as labels say it, e.g. ``"decay 0.5"``; empty when the title says it already."""
        value, words = getattr(self, option), option.replace("_", " ")
        if isinstance(value, bool):
            return words if value else f"no {words}"
        return f"{words} {value:g}" if isinstance(value, float) else f"{words} {value}"

    def output_layer(self, features: int, num_classes: int) -> OutputLayer | None:
        """The layer from features ``[B,F]`` to ``z``; None, as here, for a linear one.

        Args:
            features: F, outputs of the encoder.
            num_classes: C.
        """
        return None

    def class_head(self, features: int, num_classes: int) -> ClassHead | None:
        """A head beside the layer that makes ``z``, from features ``[B,F]`` to a logit for each class ``[B,C]``.

        It is kept with the model; rules with a head read it in place of ``z``. None, as here, for methods without one.

        Args:
            features: F, outputs of the encoder.
            num_classes: C.
        """
        return None

    def listed(self) -> dict[str, Any]:
        """Options as lists of what differs name them, ``"part.option" -> value``."""
        return {f"method.{option}": value for option, value in self.model_dump(mode="json").items()}

    def build(self, task: TaskInfo) -> LabelMethod:
        """The method as the training loop uses it. Torch is imported here and nowhere else in a configuration.

        Raises:
            ConfigError: The label dimension is too large for this many classes.
            DataError: A file of label vectors cannot be read or does not fit the classes.
            TrainingError: Something the method needs is not installed, it would take too much memory, or nothing trains it.
        """
        raise NotImplementedError


METHODS: dict[str, type[MethodConfig]] = {}
"""Every registered method by its name, in the order in which forms and help show them."""


def register(method: type[MethodConfig]) -> None:
    """Add a label method; from then on configurations, command line, form, sweeps and documents know it.

    Raises:
        ValueError: Another method has this name.
    """
    name = method.model_fields["name"].default
    if METHODS.get(name, method) is not method:
        raise ValueError(f"a label method called {name!r} is registered already")
    METHODS[name] = method


def baseline_method() -> type[MethodConfig]:
    """The method that others are measured against."""
    return next(method for method in METHODS.values() if method.is_baseline)


def parse_method(values: Mapping[str, Any]) -> MethodConfig:
    """Validate the options of a method, which ``name`` says.

    Options of other methods may stand there at their defaults, as in records of release 0.1, and are left out.

    Raises:
        ValidationError: The name or an option is not known, or a value is out of range.
        ValueError: An option of another method is set.
    """
    name = values.get("name", DEFAULT_METHOD)
    method = METHODS.get(name) if isinstance(name, str) else None
    if method is None:
        *names, last = map(repr, METHODS)
        problem = InitErrorDetails(
            type="literal_error", loc=("name",), input=name, ctx={"expected": f"{', '.join(names)} or {last}"}
        )
        raise ValidationError.from_exception_data("method", [problem])
    foreign = {option: defaults for option, defaults in _defaults().items() if option not in method.model_fields}
    changed = [option for option in foreign if option in values and values[option] not in foreign[option]]
    if changed:
        raise ValueError(
            f"{', '.join(changed)} {'does' if len(changed) == 1 else 'do'} not apply to {name}; leave it out"
        )
    return method.model_validate({option: value for option, value in values.items() if option not in foreign})


def _defaults() -> dict[str, list[Any]]:
    """Every option of any method with the defaults it has or had."""
    found = {option: [default] for option, default in OPTIONS_OF_0_1.items()}
    for method in METHODS.values():
        for option, field in method.model_fields.items():
            if option != "name":
                found.setdefault(option, []).append(field.default)
    return found
