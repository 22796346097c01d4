"""The output of commands: extensions of files, encodings of terminals, closed pipes, Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import layergraph
from layergraph import ArgumentError
from layergraph.builders import BUILDERS, segnet_layers
from layergraph.cli.app import run
from layergraph.cli.builder_options import given_arguments
from layergraph.cli.class_options import classes_and_ids
from layergraph.errors import DataError

SEGNET = ("segnet", "--image-size", "32", "32", "1", "--num-classes", "2", "--encoder-depth", "2")
TRAIN = ("--images", ".", "--labels", ".", "--classes", "a,b")
EVALUATE = ("evaluate", "--predicted", ".", "--truth", ".", "--classes", "a,b")


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("analyze", *SEGNET, "--output", "t.pdf"), 1),
        (("analyze", *SEGNET, "--output", "t.XLSX"), 1),
        (("analyze", *SEGNET, "--format", "csv", "--output", "t.json"), 1),
        (("explain", "segnet", "softmax", *SEGNET[1:], "--output", "t.png"), 1),
        (("diff", *SEGNET, "--after", "encoder-depth=1", "--output", "t.svg"), 2),
        (("diagram", *SEGNET, "--output", "t.html"), 1),
        ((*EVALUATE, "--output", "t.csv"), 1),
        ((*EVALUATE, "--html", "t.pdf"), 1),
        (("train", *SEGNET, *TRAIN, "--output", "t.pth"), 1),
    ],
)
def test_an_extension_of_another_format_is_refused(
    words: tuple[str, ...],
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(words) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert len(err) < 250
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("name", ["t.txt", "t", "segnet-1.5"])
def test_names_without_an_extension_of_a_format(name: str, tmp_path: Path) -> None:
    assert run(("analyze", *SEGNET, "--output", str(tmp_path / name))) == 0
    assert "ANALYSIS RESULT" in (tmp_path / name).read_text("utf-8")


@pytest.mark.parametrize("extension", [".mat", ".pth", ".onnx", ".txt"])
def test_save_refuses_extensions_of_other_formats(extension: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"save: path must end in \.safetensors, got"):
        segnet_layers((32, 32, 1), 2, 2).save(tmp_path / f"x{extension}")
    assert not [*tmp_path.iterdir()]


def test_a_diagram_of_one_format_has_no_extension_of_another(tmp_path: Path) -> None:
    from layergraph.analyze import plot

    with pytest.raises(ArgumentError, match=r"save: path of format='svg' must end in \.svg, got"):
        plot(segnet_layers((32, 32, 1), 2, 2)).save(tmp_path / "x.png", format="svg")


def python(*words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "layergraph", *words],
        capture_output=True,
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1", **environment},
    )


def in_encoding(monkeypatch: pytest.MonkeyPatch, encoding: str, words: tuple[str, ...]) -> tuple[int, bytes]:
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict") for _ in range(2)]
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", streams[0])
        patch.setattr(sys, "stderr", streams[1])
        status = run(words)
        for stream in streams:
            stream.flush()
    assert streams[1].buffer.getvalue() == b""  # type: ignore[attr-defined]
    return status, streams[0].buffer.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("builders",),
        ("builders", "unet"),
        ("builders", "--format", "json"),
        ("analyze", *SEGNET),
        ("analyze", *SEGNET, "--format", "json"),
        ("analyze", *SEGNET, "--format", "csv"),
        ("analyze", *SEGNET, "--format", "markdown"),
        ("analyze", *SEGNET, "--format", "latex"),
        ("analyze", *SEGNET, "--format", "html"),
        ("explain", "segnet", "softmax", *SEGNET[1:]),
        ("explain", "segnet", "softmax", *SEGNET[1:], "--format", "json"),
        ("diff", *SEGNET, "--after", "encoder-depth=1"),
        ("diff", *SEGNET, "--after", "encoder-depth=1", "--format", "json"),
        ("diff", *SEGNET, "--after", "encoder-depth=1", "--format", "html"),
    ],
    ids=lambda words: " ".join(word for word in words if word not in SEGNET[1:]),
)
def test_a_terminal_that_is_not_utf_8(
    words: tuple[str, ...], encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, written = in_encoding(monkeypatch, encoding, words)
    assert status == (1 if words[0] == "diff" else 0)
    text = written.decode("utf-8" if "html" in words else encoding)
    if "json" in words:
        assert json.loads(text) == json.loads(in_encoding(monkeypatch, "utf-8", words)[1])
    elif words[0] == "analyze" and encoding == "ascii" and "html" not in words and "latex" not in words:
        assert "3x3" in text


def test_the_locale_c_without_utf_8() -> None:
    result = python("analyze", *SEGNET, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"3x3x1 convolutions" in result.stdout


@pytest.mark.parametrize(
    "words",
    [("builders",), ("analyze", *SEGNET), ("diff", *SEGNET, "--after", "encoder-depth=1")],
)
def test_a_pipe_that_the_reader_closes(words: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run(
        [sys.executable, "-m", "layergraph", *words], stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    assert (result.returncode, result.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_standard_output_on_a_full_disk() -> None:
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [sys.executable, "-m", "layergraph", "builders"], stdout=full, stderr=subprocess.PIPE
        )
    assert (result.returncode, result.stderr) == (1, b"layergraph: No space left on device\n")


def test_ctrl_c_while_the_commands_are_imported() -> None:
    program = (
        "import sys, signal, os\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "from layergraph.cli import main\n"
        "main()\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert (result.returncode, result.stdout, result.stderr) == (130, b"", b"")


def test_ctrl_c_in_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    from layergraph.cli import main

    monkeypatch.setattr("layergraph.cli.analyze.network", lambda *_: signal.raise_signal(signal.SIGINT))
    monkeypatch.setattr(sys, "argv", ["layergraph", "analyze", *SEGNET])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(("--version",)) == 0
    assert capsys.readouterr().out == f"layergraph {layergraph.__version__}\n"


def test_numbers_of_thousands_of_digits(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="--num-classes must be a number of at most 18 digits, got 5000"):
        given_arguments(BUILDERS["unet"], ["--num-classes", "9" * 5000])
    (tmp_path / "classes.txt").write_text("9" * 5000 + " sky\n")
    with pytest.raises(ArgumentError, match=r"the id in line 1 of .* must be a number of at most 18 digits"):
        classes_and_ids(str(tmp_path / "classes.txt"), None)
    (tmp_path / "classes.txt").write_bytes(b"0 gr\xfcn\n")
    with pytest.raises(DataError, match="must be text in UTF-8"):
        classes_and_ids(str(tmp_path / "classes.txt"), None)
    names = [f"class number {i}" for i in range(40)]  # longer than a file name can be
    assert classes_and_ids(",".join(names), None) == (names, list(range(40)))


@pytest.mark.parametrize("word", ["1e300", "-1", "nan", "inf", "-1e-300"])
def test_numbers_are_numbers(word: str) -> None:
    assert repr(given_arguments(BUILDERS["vgg16"], ["--width", word])["width"]) == repr(float(word))
