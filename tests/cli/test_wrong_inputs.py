"""Every command with wrong inputs of every kind: one line on stderr, exit status 1 or 2, no traceback."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from layergraph.builders import segnet_layers
from layergraph.cli.app import run

SIZE = ("--image-size", "16", "16", "1", "--num-classes", "2", "--encoder-depth", "1")
CLASSES = ("--classes", "a,b")
MANY = "9" * 5000

# instead of a file of a network
FILES = {
    "missing": "missing/net.safetensors",
    "a folder": "folder.safetensors",
    "empty": "empty.safetensors",
    "text": "text.safetensors",
    "an image": "image.safetensors",
    "too long": "n" * 300 + ".safetensors",
}
# instead of images
IMAGES = {
    "missing": "missing",
    "a folder without images": "folder.safetensors",
    "an empty file": "empty.png",
    "text": "text.png",
    "a network": "net.safetensors",
    "too long": "n" * 300,
}
TAKES_A_FILE = {
    "analyze": lambda file: ("analyze", file),
    "analyze weights": lambda file: ("analyze", "vgg16", "--weights", file),
    "diagram": lambda file: ("diagram", file, "--output", "out.dot"),
    "diff": lambda file: ("diff", "net.safetensors", file),
    "diff first": lambda file: ("diff", file, "net.safetensors", "--with-weights"),
    "explain": lambda file: ("explain", file, "softmax"),
    "train": lambda file: ("train", file, "--images", "images", "--labels", "labels", *CLASSES),
    "segment": lambda file: ("segment", file, "--images", "images", "--output", "out"),
}
TAKES_IMAGES = {
    "train images": lambda images: (
        *("train", "net.safetensors", "--images", images, "--labels", "labels", *CLASSES),
    ),
    "train labels": lambda labels: (
        *("train", "net.safetensors", "--images", "images", "--labels", labels, *CLASSES),
    ),
    "segment": lambda images: ("segment", "net.safetensors", "--images", images, "--output", "out"),
    "evaluate predicted": lambda images: ("evaluate", "--predicted", images, "--truth", "labels", *CLASSES),
    "evaluate truth": lambda images: ("evaluate", "--predicted", "labels", "--truth", images, *CLASSES),
    "demo": lambda images: ("demo", "--images", images, "--labels", "labels", *CLASSES, "--output", "demo"),
}
TRAIN = ("train", "net.safetensors", "--images", "images", "--labels", "labels", *CLASSES)
WRONG_WORDS = {
    "an unknown command": ("analyze",),
    "builders: an unknown name": ("builders", "unnet"),
    "builders: an unknown format": ("builders", "--format", "xml"),
    "builders: an unknown option": ("builders", "--nonsense"),
    "analyze: no network": ("analyze",),
    "analyze: an unknown name": ("analyze", "segnt", *SIZE),
    "analyze: an unknown format": ("analyze", "segnet", *SIZE, "--format", "xml"),
    "analyze: an unknown usage": ("analyze", "segnet", *SIZE, "--target-usage", "fun"),
    "analyze: an unknown column": ("analyze", "segnet", *SIZE, "--columns", "nonsense"),
    "analyze: an unknown dtype": ("analyze", "segnet", *SIZE, "--columns", "all", "--dtype", "float7"),
    "analyze: a batch of 0": ("analyze", "segnet", *SIZE, "--columns", "all", "--batch-size", "0"),
    "analyze: a word for a number": ("analyze", "segnet", *SIZE, "--columns", "all", "--batch-size", "two"),
    "analyze: digits in a size": ("analyze", "segnet", "--image-size", MANY, "16", "1", *SIZE[4:]),
    "analyze: digits in a number": ("analyze", "segnet", *SIZE[:4], "--num-classes", MANY),
    "analyze: digits in a batch": ("analyze", "segnet", *SIZE, "--columns", "all", "--batch-size", MANY),
    "analyze: a negative size": ("analyze", "segnet", "--image-size", "-16", "16", "1", *SIZE[4:]),
    "analyze: no classes": ("analyze", "segnet", *SIZE[:4], "--num-classes", "0", "--encoder-depth", "1"),
    "analyze: nan": ("analyze", "vgg16", "--width", "nan"),
    "analyze: inf": ("analyze", "vgg16", "--width", "inf"),
    "analyze: 1e300": ("analyze", "vgg16", "--width", "1e300"),
    "analyze: a negative number": ("analyze", "vgg16", "--width", "-0.5"),
    "analyze: an option for builders": ("analyze", "net.safetensors", *SIZE),
    "analyze: no value": ("analyze", "segnet", *SIZE, "--format"),
    "analyze: a folder to write": ("analyze", "segnet", *SIZE, "--output", "images"),
    "analyze: no folder to write to": ("analyze", "segnet", *SIZE, "--output", "missing/t.txt"),
    "diagram: no output": ("diagram", "segnet", *SIZE),
    "diagram: an unknown theme": ("diagram", "segnet", *SIZE, "--output", "d.dot", "--theme", "pink"),
    "diagram: an unknown block": ("diagram", "segnet", *SIZE, "--output", "d.dot", "--fold", "nonsense"),
    "diagram: an unknown format": ("diagram", "segnet", *SIZE, "--output", "d.nonsense"),
    "diagram: no folder to write to": ("diagram", "segnet", *SIZE, "--output", "missing/d.dot"),
    "diff: nothing": ("diff",),
    "diff: an unknown argument": ("diff", "segnet", *SIZE, "--after", "nonsense=3"),
    "diff: no value": ("diff", "segnet", *SIZE, "--after", "encoder-depth"),
    "diff: digits": ("diff", "segnet", *SIZE, "--after", f"encoder-depth={MANY}"),
    "explain: no layer": ("explain", "segnet", *SIZE),
    "explain: an unknown layer": ("explain", "segnet", "nonsense", *SIZE),
    "explain: an unknown port": ("explain", "segnet", "softmax/nonsense", *SIZE),
    "explain: 0 steps": ("explain", "segnet", "softmax", *SIZE, "--steps", "0"),
    "explain: digits": ("explain", "segnet", "softmax", *SIZE, "--steps", MANY),
    "train: no images": ("train", "segnet", *SIZE),
    "train: a rate of nan": (*TRAIN, "--initial-learn-rate", "nan"),
    "train: an infinite rate": (*TRAIN, "--initial-learn-rate", "inf"),
    "train: a negative rate": (*TRAIN, "--initial-learn-rate", "-1"),
    "train: a word for a rate": (*TRAIN, "--initial-learn-rate", "fast"),
    "train: 0 epochs": (*TRAIN, "--max-epochs", "0"),
    "train: a batch of 0": (*TRAIN, "--mini-batch-size", "0"),
    "train: digits in a batch": (*TRAIN, "--mini-batch-size", MANY),
    "train: digits in a seed": (*TRAIN, "--seed", MANY),
    "train: a large seed": (*TRAIN, "--seed", "9" * 30),
    "train: an unknown solver": (*TRAIN, "--solver", "magic"),
    "train: no class": (*TRAIN[:6], "--classes", ""),
    "train: a class twice": (*TRAIN[:6], "--classes", "a,a"),
    "train: ids that are words": (*TRAIN, "--label-ids", "a,b"),
    "train: ids of digits": (*TRAIN, "--label-ids", f"0,{MANY}"),
    "train: large ids": (*TRAIN, "--label-ids", f"0,{'9' * 30}"),
    "train: negative ids": (*TRAIN, "--label-ids", "0,-1"),
    "train: too few ids": (*TRAIN, "--label-ids", "0"),
    "segment: no output": ("segment", "net.safetensors", "--images", "images"),
    "segment: a file to write": ("segment", "net.safetensors", "--images", "images", "--output", "text.png"),
    "evaluate: no truth": ("evaluate", "--predicted", "labels", *CLASSES),
    "evaluate: no folder to write to": (
        *("evaluate", "--predicted", "labels", "--truth", "labels", *CLASSES, "--output", "missing/m.json"),
    ),
    "demo: labels alone": ("demo", "--labels", "labels"),
    "demo: 0 epochs": ("demo", "--max-epochs", "0"),
    "demo: a file to write": ("demo", "--output", "text.png"),
    "demo: images alone": ("demo", "--images", "images"),
}
CALLS = {
    **{f"{name}: {kind}": call(file) for name, call in TAKES_A_FILE.items() for kind, file in FILES.items()},
    **{f"{name}: {kind}": call(file) for name, call in TAKES_IMAGES.items() for kind, file in IMAGES.items()},
    **WRONG_WORDS,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wrong")
    for kind, factor in (("images", 200), ("labels", 1)):
        (folder / kind).mkdir()
        for index in range(5):
            values = np.full((16, 16), index % 2, np.uint8)
            values[:8] = 1 - index % 2
            Image.fromarray(values * factor).save(folder / kind / f"{index}.png")
    (folder / "folder.safetensors").mkdir()
    for extension in (".png", ".safetensors"):
        (folder / f"empty{extension}").touch()
        (folder / f"text{extension}").write_text("only text\n" * 10)
    Image.new("L", (16, 16)).save(folder / "image.safetensors", format="PNG")
    lgraph = segnet_layers((16, 16, 1), 2, 1, num_output_channels=2, num_convolution_layers=1)
    lgraph.compile().layer_graph().save(folder / "net.safetensors")
    return folder


@pytest.mark.parametrize("words", CALLS.values(), ids=CALLS)
def test_an_error_is_one_line(
    words: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    before = set(os.listdir(folder))
    assert run(words) in (1, 2)
    _, err = capfd.readouterr()
    assert "Traceback" not in err
    assert err.startswith("layergraph: ")
    assert err.count("\n") == 1
    assert len(err) < 700
    new = set(os.listdir(folder)) - before
    assert new <= {"out"}  # segment makes its folder before it reads the first image
    assert not [*(folder / "out").glob("*")]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="this user can read every file")
@pytest.mark.parametrize("name", TAKES_A_FILE)
def test_a_file_without_permission_to_read(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    secret = folder / "secret.safetensors"
    secret.write_bytes((folder / "net.safetensors").read_bytes())
    secret.chmod(0)
    try:
        assert run(TAKES_A_FILE[name]("secret.safetensors")) in (1, 2)
    finally:
        secret.unlink()
    assert capfd.readouterr().err.count("\n") == 1
