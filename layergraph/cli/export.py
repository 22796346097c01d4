"""The command that writes a network for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from layergraph.cli.network_command import NetworkArgument, network
from layergraph.cli.output_files import print_path, save_text
from layergraph.errors import ArgumentError
from layergraph.extensions import check_extension
from layergraph.wording import quoted, visible

Target = Literal["onnx", "pt2", "python"]

_EXTENSIONS: dict[Target, str] = {"onnx": ".onnx", "pt2": ".pt2", "python": ".py"}


def export(
    context: typer.Context,
    network_: NetworkArgument,
    *,
    to: Annotated[
        Target,
        typer.Option(
            help="onnx: for onnxruntime, TensorRT and others; pt2: a program of torch.export; python: the "
            "code that rebuilds the graph, without weights."
        ),
    ],
    output: Annotated[Path, typer.Option(metavar="FILE", help="The file: .onnx, .pt2 or .py.")],
    optimize: Annotated[
        bool, typer.Option("--optimize", help="Fold batch normalization into convolutions first.")
    ] = False,
) -> None:
    """Export a trained network for other programs.

    ONNX and pt2 files hold the network in evaluation mode, with the normalization of its images. Before a
    file appears, it is run and its scores are compared with those of the network.

    Example: layergraph export model.safetensors --to onnx --output model.onnx
    """
    # before the network is read, so that a wrong --output fails at once
    check_extension(output, (_EXTENSIONS[to],), f"--output: a file of --to {to}")
    if to == "python":
        if optimize:
            raise ArgumentError("--optimize changes weights, which the code of --to python does not hold")
        save_text(network(network_, context.args).to_python(), output)
        print_path(output)
        return
    net = network(network_, context.args, weights=True).compile()
    # a network without trained weights is in training mode
    if net.training and [*net.parameters()]:
        raise ArgumentError(
            f"NETWORK must have trained weights for --to {to}, got {quoted(network_)} without; train it, "
            "and export the file that layergraph train writes"
        )
    net = net.optimize() if optimize else net
    shapes = net.to_onnx(output) if to == "onnx" else net.to_pt2(output)
    print_path(output)
    for name, shape in shapes.items():
        print(f"input {visible(name)}: {' × '.join(map(str, shape))}")
        if not all(isinstance(number, str) for number in shape[2:]):
            print("it takes images of this size alone, as the network does")
