"""``shapes``: generated coloured shapes with a known class hierarchy.

Sixteen classes in three levels: family (round, polygon, star, limbed), shape (two a family), fill (solid, striped). A
method whose labels take on meaning should find that tree again, which no natural data set lets one check exactly.
Colour, place, size, rotation, noise, blur and occlusion vary freely and say nothing about the class, so that pixels
alone separate almost nothing.

Every shape is an implicit function (negative inside, roughly the distance to the outline), evaluated for many images at
once on a grid twice as fine as the image. Only additions, products, divisions, square roots, minima, maxima and
comparisons touch the pixels: IEEE 754 fixes their results, so one seed gives the same bytes on every machine (sines
would depend on the vector instructions of the processor).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from lwal_core.config import DataConfig
from lwal_core.data.dataset import Dataset
from lwal_core.datafiles.source_stats import (
    SHAPES_IMAGE_SIZE,
    SHAPES_TEST_PER_CLASS,
    SHAPES_TRAIN_PER_CLASS,
    source_stats,
)

Field = NDArray[np.float32]
"""Values on the pixels of several images, ``[N, height, width]``."""

FAMILIES: dict[str, tuple[str, ...]] = {
    "round": ("circle", "oval"),
    "polygon": ("triangle", "square"),
    "star": ("star", "sun"),
    "limbed": ("plus", "tee"),
}
FILLS = ("solid", "striped")
CLASS_NAMES: tuple[str, ...] = tuple(
    f"{fill} {shape}" for shapes in FAMILIES.values() for shape in shapes for fill in FILLS
)
_SHAPE_OF_CLASS: tuple[str, ...] = tuple(shape for shapes in FAMILIES.values() for shape in shapes for _ in FILLS)

_SUPERSAMPLING = 2
_COLOUR_TRIES = 24
_CHUNK_VALUES = 2_000_000  # pixels of the fine grid that are worked on at once, which bounds the memory to some 100 MB


def _ellipse(radius_x: float, radius_y: float) -> Callable[[Field, Field], Field]:
    def distance(x: Field, y: Field) -> Field:
        # |p/r| - 1 divided by the length of its gradient: the distance to first order, exact for a circle.
        inside = np.sqrt((x / radius_x) ** 2 + (y / radius_y) ** 2)
        slope = np.sqrt((x / radius_x**2) ** 2 + (y / radius_y**2) ** 2)
        return inside * (inside - 1) / np.maximum(slope, np.float32(1e-6))

    return distance


def _box(x: Field, y: Field, half_width: float, half_height: float) -> Field:
    return np.maximum(np.abs(x) - half_width, np.abs(y) - half_height)


def _spokes(points: int, outer: float, inner: float) -> Callable[[Field, Field], Field]:
    """A star polygon: `points` tips at radius `outer`, notches at radius `inner` half-way between them.

    With ``inner = outer * cos(pi / points)`` the tips vanish and a regular polygon is left.
    """
    notch_x, notch_y = inner * math.cos(math.pi / points), inner * math.sin(math.pi / points)
    length = math.hypot(outer - notch_x, notch_y)
    normal_x, normal_y = notch_y / length, (outer - notch_x) / length

    def distance(x: Field, y: Field) -> Field:
        # All half-wedges are mirror images of one: `along` runs along the axis of the nearest tip, `across` at a right
        # angle to it.
        along = x.copy()
        for tip in range(1, points):
            angle = 2 * math.pi * tip / points
            np.maximum(along, x * np.float32(math.cos(angle)) + y * np.float32(math.sin(angle)), out=along)
        across = np.sqrt(np.maximum(x * x + y * y - along * along, 0))
        return (along - outer) * normal_x + across * normal_y

    return distance


def _plus(x: Field, y: Field) -> Field:
    return np.minimum(_box(x, y, 0.95, 0.3), _box(x, y, 0.3, 0.95))


def _tee(x: Field, y: Field) -> Field:
    return np.minimum(_box(x, y + 0.6, 0.85, 0.3), _box(x, y - 0.1, 0.3, 0.85))


# In units of the shape's radius; sizes are chosen so that the areas overlap between shapes and size alone tells
# nothing.
OUTLINES: dict[str, Callable[[Field, Field], Field]] = {
    "circle": _ellipse(0.82, 0.82),
    "oval": _ellipse(1.0, 0.52),
    "triangle": _spokes(3, 1.1, 1.1 * math.cos(math.pi / 3)),
    "square": lambda x, y: _box(x, y, 0.72, 0.72),
    "star": _spokes(5, 1.1, 0.46),
    "sun": _spokes(11, 1.08, 0.7),
    "plus": _plus,
    "tee": _tee,
}


def _contrasting(uniform: NDArray[np.float64], others: list[Field], enough: float) -> Field:
    """The first of several random colours that differs enough in brightness from all `others`, else the one that
    differs most.

    Args:
        uniform: Random colours, ``[N, tries, 3]`` in 0..1.
        others: Colours to stay away from, each ``[N, 3]``.
        enough: Least difference in brightness (Rec. 601 luma, 0..1).
    """

    def brightness(colour: Field) -> Field:
        return (
            colour[..., 0] * np.float32(0.299) + colour[..., 1] * np.float32(0.587) + colour[..., 2] * np.float32(0.114)
        )

    candidates = uniform.astype(np.float32)
    gap = np.full(candidates.shape[:2], np.inf, dtype=np.float32)
    for other in others:
        gap = np.minimum(gap, np.abs(brightness(candidates) - brightness(other)[:, None]))
    good = gap >= enough
    chosen = np.where(good.any(axis=1), good.argmax(axis=1), gap.argmax(axis=1))
    return candidates[np.arange(len(candidates)), chosen]


def _tilted(uniform: NDArray[np.float64], half_angle_tangent: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cosine and sine of an angle between plus and minus ``2 atan(half_angle_tangent)``, without trigonometry.

    Args:
        uniform: Uniform in 0..1, ``[N]``; the angle is nearly uniform, too.
        half_angle_tangent: Tangent of half the largest angle, up to ``sqrt(2) - 1`` for 45 degrees.
    """
    tangent = (uniform * 2 - 1) * half_angle_tangent
    return (1 - tangent * tangent) / (1 + tangent * tangent), 2 * tangent / (1 + tangent * tangent)


def _any_direction(
    uniform: NDArray[np.float64], quarter: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cosine and sine of an angle anywhere in the full turn; both arguments uniform in 0..1, ``[N]``."""
    cosine, sine = _tilted(uniform, math.sqrt(2) - 1)
    turn = np.floor(quarter * 4)
    swapped = turn % 2 == 1
    sign = np.where(turn >= 2, -1.0, 1.0)
    return np.where(swapped, -sine, cosine) * sign, np.where(swapped, cosine, sine) * sign


def _per_image(values: NDArray[np.float64]) -> Field:
    """``[N]`` to ``[N, 1, 1]``, to be combined with pixels."""
    return values.astype(np.float32)[:, None, None]


class _Draws:
    """Uniform random numbers for `count` images, a row per image, so that fewer images are a prefix of more."""

    def __init__(self, seed: list[int], count: int) -> None:
        self._table = np.random.default_rng(seed).random((count, 192))
        self._used = 0

    def between(self, low: float, high: float) -> Field:
        """One number per image in ``low..high``, ``[N, 1, 1]``."""
        return _per_image(low + (high - low) * self.raw())

    def raw(self) -> NDArray[np.float64]:
        self._used += 1
        return self._table[:, self._used - 1]

    def colours(self, tries: int) -> NDArray[np.float64]:
        self._used += 3 * tries
        return self._table[:, self._used - 3 * tries : self._used].reshape(-1, tries, 3)


def _grid(size: int) -> tuple[Field, Field]:
    """Pixel centres, from -1 (left, top) to 1 (right, bottom); x ``[1, 1, size]``, y ``[1, size, 1]``."""
    centres = ((np.arange(size) + 0.5) * 2 / size - 1).astype(np.float32)
    return centres[None, None, :], centres[None, :, None]


def _coarse(fine: Field) -> Field:
    """Mean over the cells of the fine grid, in a fixed order of additions."""
    columns = fine[:, :, 0::2] + fine[:, :, 1::2]
    return (columns[:, 0::2] + columns[:, 1::2]) * np.float32(0.25)


def _blurred(image: Field, strength: Field) -> Field:
    """Three-tap blur along both axes, weights ``strength, 1 - 2 strength, strength``; edges repeat. `image` is ``[N, 3,
    H, W]``.
    """
    for axis in (2, 3):
        padded = np.concatenate([image.take([0], axis), image, image.take([-1], axis)], axis)
        length = image.shape[axis]
        before, after = np.split(padded, [length], axis)[0], np.split(padded, [2], axis)[1]
        image = image + strength * (before + after - 2 * image)
    return image


def draw_class(class_index: int, count: int, image_size: int, seed: list[int]) -> NDArray[np.uint8]:
    """`count` images of one class.

    Args:
        class_index: Position in `CLASS_NAMES`.
        count: Number of images; the first ones do not depend on it.
        image_size: Pixels a side.
        seed: Entropy for numpy's generator.

    Returns:
        uint8, ``[count, 3, image_size, image_size]``.
    """
    images = np.empty((count, 3, image_size, image_size), dtype=np.uint8)
    draws = _Draws([*seed, class_index, 0], count)
    noise = np.random.default_rng([*seed, class_index, 1])
    outline, striped = OUTLINES[_SHAPE_OF_CLASS[class_index]], class_index % len(FILLS) == 1

    radius = draws.between(0.6, 0.85)
    room = (1 - radius) * np.float32(0.9)
    centre_x, centre_y = room * draws.between(-1, 1), room * draws.between(-1, 1)
    stretch = draws.between(0.93, 1.07)
    cosine, sine = map(_per_image, _tilted(draws.raw(), 0.29))  # up to 32 degrees either way
    stripe_x, stripe_y = map(_per_image, _any_direction(draws.raw(), draws.raw()))
    period, phase = draws.between(0.28, 0.36), draws.between(0, 1)
    ground = draws.colours(1)[:, 0].astype(np.float32)
    paint = _contrasting(draws.colours(_COLOUR_TRIES), [ground], 0.35)
    second = _contrasting(draws.colours(_COLOUR_TRIES), [ground, paint], 0.2)
    tilt_x, tilt_y = draws.between(-0.12, 0.12), draws.between(-0.12, 0.12)
    occluded = draws.raw() < 0.25
    spot_x, spot_y = map(_per_image, _any_direction(draws.raw(), draws.raw()))
    spot_away, spot_radius = draws.between(0.5, 1.0) * radius, draws.between(0.12, 0.22)
    spot_colour = draws.colours(1)[:, 0].astype(np.float32)
    blur, grain = draws.between(0, 0.16), draws.between(0.005, 0.03)

    fine_x, fine_y = _grid(image_size * _SUPERSAMPLING)
    pixel_x, pixel_y = _grid(image_size)
    fine_pixel = np.float32(2 / (image_size * _SUPERSAMPLING))
    step = max(1, _CHUNK_VALUES // (image_size * _SUPERSAMPLING) ** 2)
    for start in range(0, count, step):
        part = slice(start, min(start + step, count))
        away_x: Field = fine_x - centre_x[part]
        away_y: Field = fine_y - centre_y[part]
        x: Field = (away_x * cosine[part] + away_y * sine[part]) / (radius[part] * stretch[part])
        turned_y: Field = away_y * cosine[part] - away_x * sine[part]
        y: Field = turned_y / radius[part] * stretch[part]
        distance = outline(x, y) * radius[part]
        cover = np.clip(np.float32(0.5) - distance / fine_pixel, 0, 1)
        shape = _coarse(cover)[:, None]
        image = ground[part, :, None, None] + (tilt_x[part] * pixel_x + tilt_y[part] * pixel_y)[:, None]
        image = image + shape * (paint[part, :, None, None] - image)
        if striped:
            along = (away_x * stripe_x[part] + away_y * stripe_y[part]) / period[part] + phase[part]
            # 0 in the middle of a stripe, 1 in the middle between two.
            wave = np.abs(along - np.floor(along) - np.float32(0.5)) * 2
            stripe: Field = np.clip((np.float32(0.5) - wave) * period[part] / fine_pixel / 2 + np.float32(0.5), 0, 1)
            # A thin rim stays unstriped: it keeps the outline whole where a stripe comes close to the ground's colour.
            stripe *= np.clip(-distance / np.float32(0.05) - np.float32(0.5), 0, 1)
            image = image + _coarse(stripe)[:, None] * (second[part] - paint[part])[:, :, None, None]
        from_spot_x = pixel_x - centre_x[part] - spot_x[part] * spot_away[part]
        from_spot_y = pixel_y - centre_y[part] - spot_y[part] * spot_away[part]
        spot = spot_radius[part] - np.sqrt(from_spot_x**2 + from_spot_y**2)
        spot = np.clip(spot / (2 * fine_pixel) + np.float32(0.5), 0, 1) * occluded[part, None, None]
        image = image + spot[:, None] * (spot_colour[part, :, None, None] - image)
        image = _blurred(image, blur[part, None])
        throws = noise.integers(0, 256, (len(image), 2, *image.shape[1:]), dtype=np.uint8)
        grains = (throws[:, 0].astype(np.float32) + throws[:, 1] - 255) / np.float32(104.5)  # triangular, mean 0, sd 1
        image = image + grains * grain[part, None]
        images[part] = np.floor(np.clip(image, 0, 1) * 255 + np.float32(0.5)).astype(np.uint8)
    return images


def _draw_split(per_class: int, image_size: int, seed: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Images and labels with the classes taking turns, so that any prefix is nearly balanced."""
    classes = [draw_class(class_index, per_class, image_size, seed) for class_index in range(len(CLASS_NAMES))]
    images = np.stack(classes, axis=1).reshape(-1, 3, image_size, image_size)
    return torch.from_numpy(images), torch.arange(len(CLASS_NAMES)).repeat(per_class)


def load_shapes(config: DataConfig) -> Dataset:
    """Draw the data set: 2,400 training and 800 test images of 32 x 32 pixels unless the configuration says otherwise.

    Args:
        config: `per_class` is the number of training images per class (150 when empty; it may be larger), `image_size`
            their side in pixels, `split_seed` the seed of the drawings. The test set does not depend on `per_class`,
            and fewer training images are a prefix of more. `test_fraction` does not apply.

    Raises:
        DataError: The images would be too small to tell the shapes apart, or too many for the memory limit.
    """
    source_stats(config)  # refuses what is too small or too large
    image_size = config.image_size or SHAPES_IMAGE_SIZE
    per_class = config.per_class or SHAPES_TRAIN_PER_CLASS
    x_train, y_train = _draw_split(per_class, image_size, [config.split_seed, 0])
    x_test, y_test = _draw_split(SHAPES_TEST_PER_CLASS, image_size, [config.split_seed, 1])
    return Dataset.build(
        name=config.name, kind="images", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test,
        class_names=CLASS_NAMES, taxonomy="shapes",
    )  # fmt: skip
