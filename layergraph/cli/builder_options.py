"""Arguments of commands: numbers in a row, classes, and the arguments of every builder as options."""

from __future__ import annotations

import functools
import inspect
import os
import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from layergraph.builders import BUILDERS, find_builder
from layergraph.cli.writing import log_shown
from layergraph.errors import ArgumentError, DataError, did_you_mean
from layergraph.graph.layer_graph import LayerGraph
from layergraph.wording import quoted

# what --help says of each builder argument; a test holds the list complete
ARGUMENT_HELP = {
    "image_size": (
        "H W [C]",
        "Height, width and channels of the images, such as 480 640 3. Volumes: H W D [C].",
    ),
    "num_classes": ("N", "Number of classes."),
    "encoder_depth": (
        "N",
        "Number of poolings, each of which halves the image.",
    ),
    "dropout": ("X", "Probability with which a number is zeroed, such as 0.5."),
    "decoder": ("NAME", "all-channels, single-channel or encoder-addition."),
    "num_convolution_layers": ("N...", "Convolutions in each encoder section, one number or one a section."),
    "num_output_channels": ("N...", "Filters in each encoder section, one number or one a section."),
    "num_first_encoder_filters": ("N", "Filters of the first stage; each further stage has twice as many."),
    "patch_size": ("N|H W [C]", "Height and width of the patches, and their channels, such as 65 65 3."),
    "filter_sizes": ("N...", "Height and width of the filters, one number or one a section."),
    "fully_connected_sizes": ("N...", "Outputs of each fully connected layer before the last one."),
    "filter_size": ("N...", "Height and width of the filters, odd, one number or two."),
    "convolution_padding": ("same|valid", "Keep sizes (same), or lose a margin at each convolution (valid)."),
    "join": (
        "crop|pad",
        "Take images of any size: crop the larger of two features to join, or pad the smaller.",
    ),
    "type": ("8s|16s|32s", "By how much the last upsampling enlarges the scores."),
    "backbone": ("NAME", "The classification network that the layers come from, such as vgg16."),
    "width": ("X", "Multiplies every number of filters, such as 0.25: small networks for trying out."),
    "weights": (
        "FILE|imagenet",
        "Start from the weights of a .pth or .safetensors file, or from ImageNet's.",
    ),
    "conventions": (
        "matlab|torchvision",
        "Details to follow where the two differ; by default those of the weights.",
    ),
    "network": ("NAME", "The backbone, such as resnet18."),
    "downsampling_factor": ("8|16", "How many pixels lie between two places of the encoder's features."),
    "separable_convolutions": ("", "Split the 3×3 convolutions of the head, or not; the backbone decides."),
    "kernel_size": ("N", "Height and width of the filters of fc6."),
    "rate": ("N", "Dilation of the filters of fc6."),
    "num_filters": ("N", "Filters of fc6 and fc7."),
    "rates": ("N...", "Dilation of each branch of the pyramid."),
    "multi_grid": ("N...", "What multiplies the dilations of the last stage's three 3×3 convolutions."),
    "variant": ("aspp|cascade", "A pyramid behind the backbone, or three more stages in a row."),
    "include_head": ("", "With the layers that classify whole images, or only those before."),
}


ClassesOption = Annotated[
    str,
    typer.Option(
        metavar="NAMES|FILE",
        help="Class names such as sky,road; or a file with a line 'id name' or 'R G B name' for each.",
    ),
]
LabelIdsOption = Annotated[
    str | None,
    typer.Option(
        metavar="N,N,...", help="Pixel values of the classes in the label images; by default 0,1,2,..."
    ),
]

IgnoredIdsOption = Annotated[
    str | None,
    typer.Option(
        metavar="N,N,...", help="Pixel values without a class, such as 255; of colors 'R G B,R G B'."
    ),
]


class Pair(StrEnum):
    """Which files belong together."""

    by_name = "name"
    by_order = "order"


PairOption = Annotated[
    Pair, typer.Option(help="Which files belong together: those of one name, or in their order.")
]


class NumbersCommand(TyperCommand):
    """A command whose text options take several numbers in a row: ``--image-size 480 640 3``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        takes_many = {opt for p in self.params if (p.metavar or "").endswith(("...", "]")) for opt in p.opts}
        joined: list[str] = []
        rest = list(args)
        while rest:
            word = rest.pop(0)
            joined.append(word)
            if word in takes_many:
                numbers = []
                while rest and re.fullmatch(r"-?\d+", rest[0]):
                    numbers.append(rest.pop(0))
                if numbers:
                    joined.append(" ".join(numbers))
        return list(super().parse_args(ctx, joined))


_DECIMAL = r"[-+]?((\d+\.?\d*|\.\d+)(e[-+]?\d+)?|nan|inf)"
_MOST_DIGITS = 18  # any such number fits 64 bits

# an option of more builders than this does not name them all
_MANY_BUILDERS = 5


def with_builder_arguments(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the arguments of all builders as options; it gets those given as ``arguments``."""
    builders_of: dict[str, list[str]] = {}
    for builder in BUILDERS.values():
        for parameter in builder.parameters:
            builders_of.setdefault(parameter, []).append(builder.name)
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "arguments"]
    added = [_option(parameter, builders) for parameter, builders in builders_of.items()]

    @functools.wraps(command)
    def run(**values: Any) -> Any:
        given = {name: values.pop(name) for name in builders_of}
        arguments = {name: as_value(name, text) for name, text in given.items() if text is not None}
        return command(**values, arguments=arguments)

    parameters = [*own, *added]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del run.__dict__["__wrapped__"]
    return run


def _option(name: str, builders: list[str]) -> inspect.Parameter:
    metavar, text = ARGUMENT_HELP[name]
    only = "" if len(builders) > _MANY_BUILDERS else f" ({', '.join(builders)} only)"
    panel = "Arguments of the network (layergraph builders NAME shows those of one)"
    option = typer.Option(metavar=metavar or None, help=f"{text}{only}", rich_help_panel=panel)
    kind = str if metavar else bool  # without a metavar, a switch: --name/--no-name
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def as_value(name: str, text: str | bool) -> Any:
    """A switch, a whole number, several of them, a decimal number, or a word.

    Raises:
        ArgumentError: a number of more digits than any size has.

    >>> as_value("image_size", "480 640 3"), as_value("dropout", "5e-1"), as_value("backbone", "resnet18")
    ((480, 640, 3), 0.5, 'resnet18')
    """
    if isinstance(text, bool):
        return text
    words = re.split(r"[\s,x×]+", text.strip())
    if all(re.fullmatch(r"[-+]?\d+", word) for word in words):
        numbers = tuple(whole_number(word, option_name(name)) for word in words)
        return numbers if len(numbers) > 1 or name == "image_size" else numbers[0]
    return float(text) if re.fullmatch(_DECIMAL, text.strip()) else text


def whole_number(text: str, place: str) -> int:
    """Digits as a number.

    Raises:
        ArgumentError: there are more digits than any size has; Python itself refuses thousands.
    """
    if len(text) > _MOST_DIGITS:
        raise ArgumentError(
            f"{place} must be a number of at most {_MOST_DIGITS} digits, got {len(text)} of them"
        )
    return int(text)


def option_name(argument: str) -> str:
    """The option of a builder argument: ``encoder_depth`` is ``--encoder-depth``."""
    return "--" + argument.replace("_", "-")


def is_file(text: str) -> bool:
    """Whether what names a network is meant as a file."""
    return text not in BUILDERS and bool(Path(text).suffix)


def network(text: str, arguments: dict[str, Any], *, weights: bool = False) -> LayerGraph:
    """The graph of a builder, by name, or of a file (architecture alone, without torch, or with weights)."""
    if is_file(text):
        if arguments:
            raise ArgumentError(
                f"{option_name(next(iter(arguments)))} is for builders such as unet, not for a file"
            )
        from layergraph.graph.layer_graph import load

        return load(text, weights=weights)
    builder = find_builder(text)
    if unknown := builder.unknown(arguments):
        known = [option_name(name) for name in builder.parameters]
        wrong = option_name(unknown[0])
        raise ArgumentError(f"{text} takes no {wrong}{did_you_mean(wrong, known)}")
    if missing := [option_name(name) for name in builder.missing(arguments)]:
        raise ArgumentError(
            f"{text} also needs {' and '.join(missing)}; for example --image-size 480 640 3 --num-classes 5"
        )
    with log_shown():  # what became of --weights
        return builder.build(**arguments)


def classes_and_ids(classes: str, label_ids: str | None) -> tuple[list[str], list[Any]]:
    """Class names and their label ids, from ``a,b`` and ``255,0``, or from a file.

    Each line of the file is ``id name`` or ``R G B name``; several lines may have one name. Without
    ``label_ids`` the ids are 0, 1, 2, ...
    """
    if os.path.isfile(classes):  # Path.is_file raises where a list of names is too long for a file's
        if label_ids:
            raise DataError(f"--label-ids is not for a file of classes: {quoted(classes)} holds the ids")
        return _classes_of_file(Path(classes))
    names = [name.strip() for name in classes.split(",")]
    if label_ids is None:
        return names, list(range(len(names)))
    try:
        ids = [int(word) for word in label_ids.replace(",", " ").split()]
    except ValueError:
        raise DataError(f"--label-ids is a list of numbers such as 255,0, got {quoted(label_ids)}") from None
    return names, list(ids)


def ignored_values(text: str | None) -> list[Any]:
    """The values of ``--ignored-ids``.

    >>> ignored_values("255, 11"), ignored_values("0 0 0,255 255 255")
    ([255, 11], [(0, 0, 0), (255, 255, 255)])
    """
    found: list[Any] = []
    for part in (text or "").split(",") if text else []:
        words = part.split()
        if len(words) not in (1, 3) or not all(re.fullmatch(r"\d{1,9}", word) for word in words):
            raise DataError(
                f"--ignored-ids must be numbers such as 255,11, or colors such as '0 0 0', got {quoted(text)}"
            )
        numbers = tuple(map(int, words))
        found.append(numbers if len(numbers) == 3 else numbers[0])
    return found


def _classes_of_file(path: Path) -> tuple[list[str], list[Any]]:
    found: dict[str, list[Any]] = {}
    place = quoted(str(path))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{place} must be text in UTF-8 that names classes; save it as UTF-8") from None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = re.fullmatch(r"\s*(\d+)(?:\s+(\d+)\s+(\d+))?\s+(\D\S*.*?)\s*", line)
        if match is None:
            raise DataError(
                f"line {number} of {place} is 'id name' or 'R G B name', got {quoted(line.strip())}"
            )
        here = f"the id in line {number} of {place}"
        numbers = [whole_number(n, here) for n in match.groups()[:3] if n is not None]
        found.setdefault(match[4], []).append(numbers[0] if len(numbers) == 1 else tuple(numbers))
    if not found:
        raise DataError(f"{place} names no classes; a line is 'id name' or 'R G B name'")
    return list(found), list(found.values())
