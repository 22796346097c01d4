"""Control characters in names of files, folders and options never reach the terminal."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

from layergraph.builders import segnet_layers
from layergraph.cli.app import run
from layergraph.layers import PixelClassificationLayer

# a line break, codes that clear the screen and set a color, a bell, a deletion, text from right to left
ESC = "\nforged \x1b[2J\x9b1m\x07\x7f\u202e"
SMALL = ("--image-size", "16", "16", "1", "--num-classes", "2", "--encoder-depth", "1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images, labels, classes, a network and damaged files, all with such names."""
    folder = tmp_path_factory.mktemp("hostile")
    for kind in ("images", "labels"):
        (folder / f"{kind}{ESC}").mkdir()
        for index in range(5):
            values = np.full((16, 16), index % 2, np.uint8)
            values[:8] = 1 - index % 2
            Image.fromarray(values * (200 if kind == "images" else 1)).save(
                folder / f"{kind}{ESC}" / f"i{index}{ESC}.png"
            )
    (folder / f"classes{ESC}").write_text(f"0 sky{ESC[1:]}\n1 road{ESC[1:]}\n", "utf-8")
    (folder / f"damaged{ESC}.png").write_bytes(b"no image")
    (folder / f"damaged{ESC}.safetensors").write_bytes(b"no network")
    (folder / f"nonsense{ESC}").write_text(f"{ESC} {ESC}\n", "utf-8")
    lgraph = segnet_layers((16, 16, 1), 2, 1, num_output_channels=2, num_convolution_layers=1)
    loss = PixelClassificationLayer(name=f"loss{ESC}", classes=[f"sky{ESC}", f"road{ESC}"])
    lgraph = lgraph.replace_layer("pixelLabels", loss)
    lgraph.compile().layer_graph().save(folder / f"net{ESC}.safetensors")
    architecture = {"layers": [{"type": ESC, "name": ESC, ESC: 1}], "connections": [[ESC, f"{ESC}2"]]}
    for name, text in {"foreign": json.dumps(architecture), "no json": ESC, "format": ESC}.items():
        metadata = {"format": ESC if name == "format" else "layergraph 1", "architecture": text}
        save_file({}, folder / f"{name}{ESC}.safetensors", metadata)
    return folder


DATA = ("--images", f"images{ESC}", "--labels", f"labels{ESC}", "--classes", f"classes{ESC}")
DAMAGED = f"damaged{ESC}.png"
NET = f"net{ESC}.safetensors"
COMMANDS = {
    "analyze": ("analyze", NET),
    "analyze columns": ("analyze", NET, "--columns", "all"),
    "analyze csv": ("analyze", NET, "--format", "markdown"),
    "analyze output": ("analyze", NET, "--output", f"t{ESC}.txt"),
    "analyze extension": ("analyze", NET, "--output", f"t.p{ESC}"),
    "analyze foreign": ("analyze", f"foreign{ESC}.safetensors"),
    "analyze no json": ("analyze", f"no json{ESC}.safetensors"),
    "analyze format": ("analyze", f"format{ESC}.safetensors"),
    "analyze damaged": ("analyze", f"damaged{ESC}.safetensors"),
    "analyze missing": ("analyze", f"missing{ESC}.safetensors"),
    "analyze builder": ("analyze", f"unet{ESC}", *SMALL),
    "analyze option": ("analyze", "unet", f"--{ESC}"),
    "analyze value": ("analyze", "unet", "--format", ESC),
    "analyze argument": ("analyze", "segnet", *SMALL, "--num-output-channels", ESC),
    "analyze weights": ("analyze", "vgg16", "--weights", f"missing{ESC}"),
    "analyze damaged weights": ("analyze", "vgg16", "--weights", f"damaged{ESC}.png"),
    "analyze foreign weights": ("analyze", "vgg16", "--weights", NET),
    "analyze column": ("analyze", NET, "--columns", ESC),
    "analyze filter": ("analyze", NET, "--filter", ESC),
    "builders": ("builders", ESC),
    "command": (ESC,),
    "diagram": ("diagram", NET, "--output", f"d{ESC}.dot"),
    "diagram format": ("diagram", NET, "--output", f"d.x{ESC}"),
    "diagram no extension": ("diagram", NET, "--output", f"d{ESC}"),
    "diagram fold": ("diagram", NET, "--output", "d.dot", "--fold", ESC),
    "diff": ("diff", NET, f"other{ESC}.safetensors"),
    "diff itself": ("diff", NET, NET),
    "diff builder": ("diff", NET, "segnet", *SMALL),
    "diff before": ("diff", "segnet", *SMALL, "--before", f"{ESC}={ESC}"),
    "explain": ("explain", NET, f"loss{ESC}"),
    "explain missing": ("explain", NET, ESC),
    "train folder": ("train", NET, *DATA, "--output", f"missing{ESC}/x.safetensors"),
    "train images": ("train", NET, "--images", f"missing{ESC}", *DATA[2:]),
    "train classes": ("train", NET, *DATA[:4], "--classes", f"nonsense{ESC}"),
    "train names": ("train", NET, *DATA[:4], "--classes", f"a{ESC},a{ESC}"),
    "train ids": ("train", NET, *DATA[:4], "--classes", "a,b", "--label-ids", ESC),
    "train pixels": ("train", NET, *DATA[:4], "--classes", f"a{ESC},b{ESC}", "--label-ids", "77,78"),
    "train damaged": ("train", NET, "--images", DAMAGED, "--labels", DAMAGED, *DATA[4:]),
    "segment": ("segment", NET, "--images", f"images{ESC}", "--output", f"out{ESC}", "--overlays"),
    "segment damaged": ("segment", NET, "--images", f"damaged{ESC}.png", "--output", f"out2{ESC}"),
    "segment file": ("segment", NET, "--images", f"images{ESC}", "--output", NET),
    "evaluate": (
        *("evaluate", "--predicted", f"labels{ESC}", "--truth", f"labels{ESC}"),
        *("--classes", f"classes{ESC}", "--output", f"m{ESC}.json"),
    ),
    "evaluate missing": ("evaluate", "--predicted", ESC, "--truth", ESC, "--classes", ESC),
    "demo": ("demo", "--images", f"missing{ESC}", *DATA[2:], "--output", f"demo{ESC}"),
}  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_no_control_character_reaches_the_terminal(
    words: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    run(words)
    out, err = capfd.readouterr()
    assert out + err
    shown = (out + err).replace("\n", "")
    assert shown.isprintable(), repr(next(c for c in shown if not c.isprintable()))
    assert "\nforged" not in out + err
    assert "Traceback" not in err


@pytest.mark.slow
def test_training_with_such_names(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    assert run(("train", "segnet", *SMALL, *DATA, "--max-epochs", "1")) == 0
    assert run(("demo", *DATA, "--max-epochs", "1", "--output", f"demo{ESC}")) == 0
    out, err = capfd.readouterr()
    shown = (out + err).replace("\n", "").replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert shown.isprintable(), repr(next(c for c in shown if not c.isprintable()))
