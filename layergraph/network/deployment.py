"""The uses of a finished network outside training: as a faster network, and in files of other formats."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self, cast

import torch
from torch import nn

from layergraph.graph.folding import fold_batch_normalization, remove_dropout
from layergraph.graph.graph import Graph
from layergraph.network.modes import inference

if TYPE_CHECKING:
    from layergraph.export.subject import InputShapes, Subject


class Deployment(nn.Module):
    """What :class:`~layergraph.network.network.Network` does with a finished network."""

    output_names: tuple[str, ...]

    def optimize(self, *, channels_last: bool = True, compile: bool = False) -> Self:
        """A faster network for inference, with the same scores up to rounding; this one stays as it is.

        - Batch normalization is folded into the convolution before it
          (:func:`layergraph.edits.fold_batch_normalization`), and dropout is removed. These layers are gone:
          ``activations`` does not find them, the convolution gives the normalized values, and a
          :class:`~layergraph.segmentation.MonteCarlo` needs the network with dropout.
        - The weights of 2-D convolutions are stored with the channels last, which their kernels read faster.

        The new network has its own weights, the device and the dtype of this one, and is in evaluation mode.
        Its graph, ``net.optimize().layer_graph()``, can be saved and compiled as any other. Train this
        network, not the new one.

        Scores differ in the last digits (1e-4 of the largest in float32, at most), so that of two classes
        with equal scores the other one may win. That is why :func:`layergraph.segmentation.semanticseg` uses
        the network that it is given: ``semanticseg(images, net.optimize())``.

        Args:
            channels_last: store weights with the channels last.
            compile: also run ``torch.compile`` at the first call, which needs a C++ compiler and takes a
                minute or so, again for other image sizes.

        >>> import torch
        >>> from layergraph.builders import segnet_layers
        >>> net = segnet_layers((32, 32, 1), 2, 1).compile().eval()
        >>> fast, x = net.optimize(), torch.rand(1, 1, 32, 32)
        >>> torch.allclose(fast(x), net(x), atol=1e-5)
        True
        >>> len(net.layer_graph()), len(fast.layer_graph())
        (17, 13)
        """
        lgraph: Any = fold_batch_normalization(remove_dropout(self.layer_graph()))
        net = cast(Self, lgraph.compile().eval())
        if (tensor := next(iter(self.state_dict().values()), None)) is not None:
            net.to(tensor.device)
        if channels_last:
            for parameter in net.parameters():
                # not net.to(memory_format), which fails for the weights of 3-D convolutions
                if parameter.dim() == 4:
                    parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        if compile:
            net.compile()
        return net

    def to_onnx(self, path: str | os.PathLike[str], *, opset: int | None = None) -> InputShapes:
        """Write the network to an ONNX file, for onnxruntime, TensorRT, OpenVINO and others.

        The file holds the network in evaluation mode with the normalization of the input layer, so it takes
        pixels in the range of the training images, as float32 tensors (batch, channels, height, width), and
        gives the scores after the softmax. Batch, height and width are open where the network allows it; a
        network with a fully connected layer takes images of one size. Nodes and their results have the names
        of the layers (``layer/Operation`` where a layer takes several nodes), inputs those of the input
        layers, and outputs those of the last layers before the losses.

        Before the file appears, onnxruntime runs it on random images, of two sizes where the size is open,
        and the scores must be those of the network. The network stays as it is. Weights beyond 1.9 GB are in
        a second file ``<path>.data``.

        ``net.optimize().to_onnx(path)`` writes fewer nodes, without batch normalization; most runtimes fold
        it themselves.

        Args:
            path: the file.
            opset: the version of ONNX's operators; by default that of torch's exporter.

        Returns:
            For each input the shape of its tensor, with a word for each open number.

        Raises:
            MissingExtraError: onnx, onnxscript or onnxruntime is not installed.
            LayergraphError: a layer cannot be exported, or the file would give other scores.
            ArgumentError: the path has the extension of another format.
            OSError: the file cannot be written.

        Source: https://onnx.ai/onnx/repo-docs/IR.html

        >>> import tempfile
        >>> from layergraph.builders import unet_layers
        >>> net = unet_layers((32, 32, 1), 2, encoder_depth=1, num_first_encoder_filters=2).compile()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.to_onnx(f"{folder}/unet.onnx")
        {'ImageInputLayer': ('batch', 1, 'height', 'width')}
        """
        from layergraph.export.onnx_file import write_onnx

        with inference(self):
            return write_onnx(self._subject(), path, opset)

    def to_pt2(self, path: str | os.PathLike[str]) -> InputShapes:
        """Write the network to a ``.pt2`` file, a program of ``torch.export`` that runs without layergraph.

        The program is the network in evaluation mode, as in :meth:`to_onnx`; it is loaded and compared with
        the network before the file appears. ``torch.export.load(path).module()`` runs it. Load only files
        that you trust: they can hold code.

        Args:
            path: the file.

        Returns:
            For each input the shape of its tensor, with a word for each open number.

        Raises:
            LayergraphError: a layer cannot be exported, or the file would give other scores.
            ArgumentError: the path has the extension of another format.
            OSError: the file cannot be written.

        >>> import tempfile
        >>> from layergraph.builders import unet_layers
        >>> net = unet_layers((32, 32, 1), 2, encoder_depth=1, num_first_encoder_filters=2).compile()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.to_pt2(f"{folder}/unet.pt2")
        {'ImageInputLayer': ('batch', 1, 'height', 'width')}
        """
        from layergraph.export.program_file import write_program

        with inference(self):
            return write_program(self._subject(), path)

    def _subject(self) -> Subject:
        from layergraph.export.subject import Subject

        lgraph: Graph = cast(Any, self)._lgraph  # without the weights that layer_graph() copies
        # an output layer has no port: the scores come from the layer before it
        sources = (
            next(iter(lgraph.sources(name).values())).layer if lgraph[name].is_output else name
            for name in self.output_names
        )
        return Subject(self, lgraph, {name: self.layer_key(name) for name in lgraph}, [*sources])

    def layer_key(self, name: str) -> str:
        """The prefix of a layer's tensors in the state dict, without the dot after it."""
        raise NotImplementedError

    def layer_graph(self) -> Graph:
        """The layer graph with copies of the current weights attached to its layers."""
        raise NotImplementedError
