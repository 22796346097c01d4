"""Fixtures and settings of all tests: one thread, one seed, golden files, the profile of hypothesis."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import torch
from chromium import PROGRAM, Chromium, chromium

GOLDEN = Path(__file__).parent / "golden"

torch.set_num_threads(1)
hypothesis.settings.register_profile("default", deadline=None, derandomize=True)
hypothesis.settings.register_profile("deep", deadline=None, max_examples=2000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(autouse=True)
def same_weights() -> None:
    """Seed the random numbers, so that no test depends on those before it."""
    torch.manual_seed(0)


@pytest.fixture
def double_precision() -> Iterator[None]:
    """Make new tensors and networks float64, so that two paths to one result agree on every processor.

    In float32 the order of additions, which depends on the processor, decides the fifth digit.
    """
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    """A running browser, one for all tests of pages; without a Chromium they are skipped."""
    if PROGRAM is None:
        pytest.skip("no Chromium is installed")
    with chromium() as running:
        yield running


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regenerate", action="store_true", help="rewrite the golden files")


@pytest.fixture
def in_terminal() -> Callable[..., str]:
    """A function that returns the output of a Python program on a terminal with this many columns."""

    def run(program: str, columns: int, *, no_color: bool = False) -> str:
        import pty

        ours, theirs = pty.openpty()
        settings = {"COLUMNS": str(columns), "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
        environment = {**os.environ, **settings}
        environment.pop("NO_COLOR", None)
        if no_color:
            environment["NO_COLOR"] = "1"
        process = subprocess.Popen(
            [sys.executable, "-c", program], stdout=theirs, stdin=subprocess.DEVNULL, env=environment
        )
        os.close(theirs)
        received = b""
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not chunk:
                break
            received += chunk
        os.close(ours)
        assert process.wait() == 0
        return received.decode("utf-8").replace("\r\n", "\n")

    return run


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """A function that compares a text with ``tests/golden/<name>.txt``, or writes it (``--regenerate``)."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / f"{name}.txt"
        text = text.rstrip("\n") + "\n"
        if request.config.getoption("--regenerate"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path} is missing; pytest --regenerate writes it"
        assert text == path.read_text(encoding="utf-8")

    return check


@pytest.fixture
def golden_errors(golden: Callable[[str, str], None]) -> Callable[..., None]:
    """A function that compares the messages of calls that must raise our errors with a golden file."""
    from layergraph import LayergraphError

    def check(name: str, calls: dict[str, Callable[[], object]], hide: str = "") -> None:
        lines = []
        for label, call in calls.items():
            with pytest.raises(LayergraphError) as caught:
                call()
            text = str(caught.value).replace(hide, "<folder>") if hide else str(caught.value)
            text = re.sub(r" at 0x[0-9a-f]+", " at 0x...", text)
            lines += [f"{label}", f"  {type(caught.value).__name__}: {text}", ""]
        golden(name, "\n".join(lines))

    return check
