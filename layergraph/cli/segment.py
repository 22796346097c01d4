"""The command that segments images with a trained network."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

import typer

from layergraph.cli.output_files import save_text
from layergraph.cli.video_frames import is_video, write_frames
from layergraph.errors import ArgumentError, DataError
from layergraph.json_text import json_text
from layergraph.wording import quoted, visible

CLASSES_FILE = "classes.json"
"""The file beside label images that names the class of each index."""

OVERLAYS = "overlays"
"""The folder in that of the label images with the pictures of them."""


def input_size(lgraph: Any) -> tuple[int, int]:
    """Height and width of the one input layer of a graph."""
    if len(lgraph.input_names) != 1:
        raise DataError(f"this command needs a network with one input layer, got {len(lgraph.input_names)}")
    height, width, *_ = lgraph[lgraph.input_names[0]].input_size
    return int(height), int(width)


def segment(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A network that layergraph trained.")],
    *,
    images: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER|FILE", help="The images, one image, or a video (needs the program ffmpeg)."
        ),
    ],
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder for the label images.")],
    overlays: Annotated[
        bool,
        typer.Option(
            "--overlays", help="Also write each image with its labels drawn over it, to FOLDER/overlays."
        ),
    ] = False,
    names: Annotated[
        Literal["prefixed", "source", "numbered"],
        typer.Option(help="Name label images pixelLabel_x.png, x.png as the image, or pixelLabel_001.png."),
    ] = "prefixed",
    fit: Annotated[
        Literal["resize", "pad", "error"],
        typer.Option(
            help="Resize each image to the input size of the network; or mirror it at its end to the next "
            "size that the network takes; or refuse other sizes. Labels have the size of the image."
        ),
    ] = "resize",
    roi: Annotated[
        tuple[int, int, int, int] | None,
        typer.Option(
            metavar="X Y WIDTH HEIGHT", help="Segment this rectangle of each image, in pixels from 0."
        ),
    ] = None,
    tile_size: Annotated[
        int | None,
        typer.Option(
            metavar="PIXELS",
            help="Cut images, which may be larger than memory, into tiles of this size; 0 for a size that "
            "suits the network. Images keep their size, whatever --fit.",
        ),
    ] = None,
    overlap: Annotated[
        int | None,
        typer.Option(
            metavar="PIXELS", help="The overlap of tiles.  [default: the receptive field of the network]"
        ),
    ] = None,
    scales: Annotated[
        str | None,
        typer.Option(metavar="NUMBERS", help="Average over scales of the image, such as 0.75,1,1.25."),
    ] = None,
    flip: Annotated[bool, typer.Option("--flip", help="Average with the mirrored image, too.")] = False,
    batch_size: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Images per call of the network.  [default: as many as fit in memory]"
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, gpu, or a device such as cuda:1.")] = "auto",
    precision: Annotated[
        Literal["bf16-mixed", "16-mixed"] | None, typer.Option(help="Compute in half precision.")
    ] = None,
) -> None:
    """Classify each pixel of images with a trained network.

    The labels of images/x.jpg are out/pixelLabel_x.png: class indices 0, 1, 2, ... in the order of the
    network's classes, whose names are in out/classes.json. The files open in color.

    Example: layergraph segment model.safetensors --images images --output out --overlays
    """
    # imported here, so that --help needs neither NumPy nor torch
    from layergraph.data import ImageDatastore
    from layergraph.graph.layer_graph import load
    from layergraph.segmentation import semanticseg

    # resolved, since two paths can name one folder
    if images.resolve() == output.resolve():
        raise DataError(
            f"--output must be another folder than --images, got {quoted(str(output))} for both; the next "
            "call would segment the label images"
        )
    net = _predictor(load(model), fit, tile_size, overlap, scales, flip)
    with ExitStack() as stack:
        if is_video(images):
            folder = Path(stack.enter_context(TemporaryDirectory()))
            write_frames(images, folder)
            images = folder
        store = ImageDatastore(images)
        labels = semanticseg(
            store,
            net,
            roi=roi,
            write_location=output,
            names=names,
            mini_batch_size="auto" if batch_size is None else batch_size,
            execution_environment=device,
            precision=precision,
        )
        save_text(json_text(labels.classes, indent=2), output / CLASSES_FILE)
        if overlays:
            _write_overlays(store, labels, output / OVERLAYS)
    classes = visible(", ".join(labels.classes))
    print(f"wrote {len(labels)} label images to {visible(str(output))}; classes: {classes}")


def _predictor(
    lgraph: Any, fit: str, tile_size: int | None, overlap: int | None, scales: str | None, flip: bool
) -> Any:
    """The network, with the predictors around it that the options ask for."""
    from layergraph.segmentation import AtSize, MultiScale, PadToFit, Tiles

    net: Any = lgraph.compile()
    if scales is not None or flip:
        net = MultiScale(net, _numbers(scales or "1"), fuse="mean", flip=flip)
    if tile_size is not None:
        return Tiles(net, tile_size or None, overlap=overlap)
    if overlap is not None:
        raise ArgumentError(f"--overlap is for tiles, got {overlap} without --tile-size")
    if fit == "pad":
        if scales is not None or flip:
            raise ArgumentError("--fit must be resize or error with --scales and --flip, got pad")
        return PadToFit(net)
    # networks with fixed sizes, and small objects at another scale, need images as in training
    return AtSize(net, input_size(lgraph)) if fit == "resize" else net


def _numbers(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise ArgumentError(
            f"--scales must be numbers with commas between them, such as 0.75,1,1.25, got {quoted(text)}"
        ) from None


def _write_overlays(store: Any, labels: Any, folder: Path) -> None:
    from layergraph.data import write_image
    from layergraph.segmentation import labeloverlay

    folder.mkdir(exist_ok=True)
    # images and labels are read again one by one, so that memory holds one of each
    for index, file in enumerate(labels.files):
        try:
            picture = labeloverlay(store[index], labels[index])
        except DataError as error:
            raise DataError(f"{visible(str(store.files[index]))}: {error}") from None
        write_image(folder / f"{file.stem.removeprefix('pixelLabel_')}.png", picture)
