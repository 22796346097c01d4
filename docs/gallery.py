"""Draws every network and writes gallery.md: run ``python docs/gallery.py`` after a change of a builder."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from layergraph import LayerGraph
from layergraph.analyze import analyze_network, plot
from layergraph.builders import BUILDERS

HERE = Path(__file__).parent
PICTURES = HERE / "images" / "gallery"

INTRODUCTION = """# Gallery

Every network that layergraph builds. Networks that MATLAB has too use MATLAB's layer names and sizes; the
others follow their papers. The counts and the diagrams come from the graphs. Counts include the biases of
convolutions before a batch normalization, which MATLAB has and PyTorch's own models do not.

Programs and the command line build the same networks by name (`layergraph builders` lists them,
`layergraph builders fcn` shows the arguments of one):

```python
from layergraph.builders import BUILDERS

lgraph = BUILDERS["fcn"].build(image_size=(360, 480), num_classes=11)
print(lgraph["upscore8"].description)
```

```text
11 16×16×11 transposed convolutions with stride [8 8] and cropping [0 0 0 0]
```"""

# The name of the builder, the title, and the arguments of every network.
SEGMENTATION = (
    (
        "patch_classification",
        "Patch classification",
        "patch_size=95, num_classes=2, filter_sizes=(4, 5, 4, 4)",
    ),
    ("fcn", "FCN-8s", "image_size=(360, 480), num_classes=11"),
    ("fcn", "FCN-16s", 'image_size=(360, 480), num_classes=11, type="16s"'),
    ("fcn", "FCN-32s", 'image_size=(360, 480), num_classes=11, type="32s"'),
    ("fcn", "FCN-AlexNet", 'image_size=(360, 480), num_classes=11, type="32s", backbone="alexnet"'),
    ("segnet", "SegNet", "image_size=(480, 640, 3), num_classes=5, encoder_depth=4"),
    ("segnet", "SegNet on VGG-16", 'image_size=(360, 480), num_classes=11, backbone="vgg16"'),
    ("segnet", "SegNet on VGG-19", 'image_size=(360, 480), num_classes=11, backbone="vgg19"'),
    ("segnet_basic", "SegNet-Basic", "image_size=(360, 480), num_classes=11"),
    ("bayesian_segnet", "Bayesian SegNet", "image_size=(360, 480), num_classes=11"),
    ("unet", "U-Net", "image_size=(480, 640, 3), num_classes=5, encoder_depth=3"),
    ("unet", "U-Net of the paper", 'image_size=(572, 572), num_classes=2, convolution_padding="valid"'),
    ("unet", "U-Net on ResNet-18", 'image_size=(360, 480, 3), num_classes=11, backbone="resnet18"'),
    (
        "unet3d",
        "3-D U-Net",
        "image_size=(128, 128, 128, 3), num_classes=5, encoder_depth=2, num_first_encoder_filters=16",
    ),
    ("deeplabv1", "DeepLab v1", "image_size=(513, 513), num_classes=21"),
    ("deeplabv2", "DeepLab v2 on ResNet-101", "image_size=(513, 513), num_classes=21"),
    ("deeplabv2", "DeepLab v2 on VGG-16", 'image_size=(513, 513), num_classes=21, backbone="vgg16"'),
    ("deeplabv3", "DeepLab v3 on ResNet-101", "image_size=(513, 513), num_classes=21"),
    ("deeplabv3", "DeepLab v3 on ResNet-50", 'image_size=(513, 513), num_classes=21, backbone="resnet50"'),
    (
        "deeplabv3",
        "DeepLab v3, cascaded",
        'image_size=(513, 513), num_classes=21, backbone="resnet50", variant="cascade"',
    ),
    (
        "deeplabv3plus",
        "DeepLab v3+ on ResNet-18",
        'image_size=(720, 960), num_classes=11, network="resnet18"',
    ),
    (
        "deeplabv3plus",
        "DeepLab v3+ on ResNet-50",
        'image_size=(720, 960), num_classes=11, network="resnet50"',
    ),
    (
        "deeplabv3plus",
        "DeepLab v3+ on MobileNetV2",
        'image_size=(720, 960), num_classes=11, network="mobilenetv2"',
    ),
    ("deeplabv3plus", "DeepLab v3+ on Xception", 'image_size=(720, 960), num_classes=11, network="xception"'),
    (
        "deeplabv3plus",
        "DeepLab v3+ on Inception-ResNet-v2",
        'image_size=(720, 960), num_classes=11, network="inceptionresnetv2"',
    ),
)
BACKBONES = (
    ("alexnet", "AlexNet", ""),
    ("vgg16", "VGG-16", ""),
    ("vgg19", "VGG-19", ""),
    ("resnet18", "ResNet-18", ""),
    ("resnet50", "ResNet-50", ""),
    ("resnet101", "ResNet-101", ""),
    ("mobilenetv2", "MobileNetV2", ""),
    ("xception", "Xception", ""),
    ("inceptionresnetv2", "Inception-ResNet-v2", ""),
)


class Entry(NamedTuple):
    """A network of the gallery."""

    builder: str
    title: str
    arguments: str

    @property
    def call(self) -> str:
        """The call as a user writes it."""
        function = BUILDERS[self.builder].function
        return f"{function.__name__}({self.arguments})"

    @property
    def picture(self) -> Path:
        return (
            PICTURES
            / f"{re.sub(r'[^a-z0-9]+', '-', self.title.lower().replace('+', '-plus')).strip('-')}.svg"
        )

    def build(self) -> LayerGraph:
        return BUILDERS[self.builder].build(**eval(f"dict({self.arguments})"))

    def source(self) -> str:
        """The paragraph of the docstring that names the paper."""
        text = inspect.getdoc(BUILDERS[self.builder].function) or ""
        source = re.search(r"^Source: (.*?)(?:\n\n|\Z)", text, re.DOTALL | re.MULTILINE)
        assert source, f"the docstring of {self.builder} needs a source"
        return " ".join(source[1].split()).replace("``", "`")

    def row(self) -> str:
        """The row of the table."""
        lgraph = self.build()
        learnables = analyze_network(lgraph).total_learnables
        picture = self.picture.relative_to(HERE).as_posix()
        return (
            f"| **{self.title}**<br>`{self.call}` "
            f"| {len(lgraph)} | {len(lgraph.connections)} | {learnables:,} | "
            f'<a href="{picture}"><img src="{picture}" height="200" alt="{self.title}"></a> |'
        )


def page() -> str:
    """The text of gallery.md."""
    return "\n".join([*_lines(), ""])


def _lines() -> Iterator[str]:
    yield INTRODUCTION
    for heading, entries in (("Segmentation networks", SEGMENTATION), ("Backbones", BACKBONES)):
        yield f"\n## {heading}\n"
        yield "| network | layers | connections | learnables | diagram |"
        yield "| --- | ---: | ---: | ---: | --- |"
        yield from (Entry(*entry).row() for entry in entries)
    yield "\n## Sources\n"
    builders = dict.fromkeys(entry[0] for entry in (*SEGMENTATION, *BACKBONES))
    yield from (f"- `{builder}`: {Entry(builder, '', '').source()}" for builder in builders)


def draw(entry: Entry) -> Path:
    """Write the diagram of a network."""
    plot(entry.build()).save(entry.picture)
    return entry.picture


def main() -> None:
    """Write the page, and draw the networks that the command line names, by default all."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    entries = [Entry(*entry) for entry in (*SEGMENTATION, *BACKBONES)]
    selected = [entry for entry in entries if not sys.argv[1:] or entry.builder in sys.argv[1:]]
    with ProcessPoolExecutor() as pool:
        for path in pool.map(draw, selected):
            print(f"wrote {path}")
    (HERE / "gallery.md").write_text(page(), encoding="utf-8")
    print(f"wrote {HERE / 'gallery.md'}")


if __name__ == "__main__":
    main()
