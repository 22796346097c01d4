"""Downloads of published files from a local server: the check, the cache, and errors."""

import builtins
import errno
import hashlib
import io
import os
import re
import socket
import sys

import pytest
import torch

from layergraph import ArgumentError, DownloadError
from layergraph.builders.backbones import BACKBONES
from layergraph.downloads import is_encrypted, is_local
from layergraph.pretrained import download, published, read_tensors

CONTENT = bytes(range(256)) * 1000
NAME = f"net-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"
URL = f"https://download.pytorch.org/models/{NAME}"


@pytest.fixture(autouse=True)
def _content(server):
    server.content = CONTENT


def test_a_file_is_downloaded_once(server, cache, capfd):
    path = download(URL)
    assert path == cache / NAME
    assert path.read_bytes() == CONTENT
    assert download(URL) == path
    assert server.paths == [f"/mirror/{NAME}"]
    assert os.listdir(cache) == [NAME]
    assert capfd.readouterr() == ("", "")  # stderr is no terminal


def test_the_cache_is_shared_with_torch(server, cache):
    """layergraph finds the files that torch has downloaded, and the reverse."""
    file = io.BytesIO()
    torch.save({"weight": torch.ones(2)}, file)
    server.content = file.getvalue()
    name = f"linear-{hashlib.sha256(server.content).hexdigest()[:8]}.pth"
    torch.hub.load_state_dict_from_url(f"{server.url}/{name}", progress=False, check_hash=True)
    path = download(f"https://download.pytorch.org/models/{name}")
    assert read_tensors(path)["weight"].tolist() == [1, 1]
    assert len(server.paths) == 1
    path.unlink()
    download(f"https://download.pytorch.org/models/{name}")
    torch.hub.load_state_dict_from_url(f"{server.url}/{name}", progress=False, check_hash=True)
    assert len(server.paths) == 2


def test_a_damaged_file_in_the_cache_is_downloaded_again(server, cache):
    path = download(URL)
    path.write_bytes(CONTENT[:-1])
    assert download(URL).read_bytes() == CONTENT
    assert len(server.paths) == 2


def test_a_terminal_shows_the_progress(server, cache, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    download(URL)
    assert f"Downloading {NAME}" in capsys.readouterr().err


def test_the_mirror_replaces_only_the_publisher(server, cache):
    with pytest.raises(DownloadError, match=r"cannot download http://127.0.0.1:1/net-00000000.pth"):
        download("http://127.0.0.1:1/net-00000000.pth")
    assert server.paths == []


def test_a_name_without_a_hash_is_refused(server):
    with pytest.raises(ArgumentError, match=r"url must end in a hash, as net-0123abcd.pth, .*/net.pth"):
        download("https://download.pytorch.org/models/net.pth")
    assert server.paths == []


def test_messages_about_failed_downloads_which_leave_no_file(server, cache, golden, tmp_path, monkeypatch):
    lines = []

    def fails(label):
        with pytest.raises(DownloadError) as caught:
            download(URL)
        text = str(caught.value).replace(str(tmp_path), "<folder>")
        text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:<port>", text)
        lines.extend([label, f"  {text}", ""])
        assert [*tmp_path.rglob("*.pth*"), *tmp_path.rglob("*.partial")] == []

    server.redirect = "http://weights.invalid/net.pth"
    monkeypatch.setattr("layergraph.downloads.TIMEOUT", 0.2)
    for behavior in ("missing", "forbidden", "silent", "cut", "reset", "stalled", "redirect"):
        server.behavior = behavior
        fails(behavior)
    server.behavior, server.content = "whole", CONTENT[::-1]
    fails("another file")
    server.content = CONTENT
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("LAYERGRAPH_WEIGHTS_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")
        fails("nobody answers")
    monkeypatch.setenv("LAYERGRAPH_WEIGHTS_URL", "https://weights.invalid")
    monkeypatch.setattr(socket, "getaddrinfo", _no_such_host)
    fails("no network")
    monkeypatch.setenv("LAYERGRAPH_WEIGHTS_URL", "ftps://weights.invalid")
    fails("an address of another kind")
    monkeypatch.setenv("LAYERGRAPH_WEIGHTS_URL", "http://weights.invalid")
    fails("an address without encryption")
    monkeypatch.setenv("LAYERGRAPH_WEIGHTS_URL", "weights.invalid/models")
    fails("no address")
    golden("download", "\n".join(lines))


def _no_such_host(*arguments, **options):
    raise socket.gaierror(-2, "Name or service not known")


def test_messages_about_folders_that_cannot_be_written(server, cache, golden, tmp_path, monkeypatch):
    """A root user may write anywhere, so the errors of the system are simulated."""
    lines = []

    def fails(label):
        with pytest.raises(DownloadError) as caught:
            download(URL)
        text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:<port>", str(caught.value))
        lines.extend([label, "  " + text.replace(str(tmp_path), "<folder>"), ""])
        assert [*tmp_path.rglob("*.pth*")] == []

    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file"))
    fails("a file where the folder should be")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    real_open = builtins.open

    def is_download(path):
        return str(path).startswith(str(tmp_path)) and str(path).endswith(".pth")

    def read_only(path, *arguments, **options):
        if is_download(path):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return real_open(path, *arguments, **options)

    def full(path, *arguments, **options):
        file = real_open(path, *arguments, **options)
        return FullFile(file) if is_download(path) else file

    for label, failing_open in (("a read-only folder", read_only), ("a full disk", full)):
        with monkeypatch.context() as patch:
            patch.setattr(builtins, "open", failing_open)
            fails(label)
    golden("download_folders", "\n".join(lines))


@pytest.mark.parametrize(
    ("url", "encrypted", "local"),
    [
        ("https://weights.example/net.pth", True, False),
        ("http://localhost:8000/net.pth", False, True),
        ("http://127.8.0.1/net.pth", False, True),
        ("http://[::1]:80/net.pth", False, True),
        ("http://localhost@weights.example/net.pth", False, False),
        ("http://127.0.0.1.weights.example/net.pth", False, False),
        ("http://weights.example/net.pth", False, False),
        ("file:///etc/net.pth", False, False),
        ("https:///net.pth", False, False),
        ("http://[::1/net.pth", False, False),
    ],
)
def test_only_https_and_this_machine_are_safe_addresses(url, encrypted, local):
    assert (is_encrypted(url), is_local(url)) == (encrypted, local)


def test_a_redirect_on_this_machine_is_followed(server, cache):
    server.redirect, server.behavior = f"{server.url}/elsewhere", "redirect"
    with pytest.raises(DownloadError, match="redirect error that would lead to an infinite loop"):
        download(URL)
    assert server.paths[1] == "/mirror/elsewhere"


def test_the_full_checksum_of_published_files_is_compared(server, cache, monkeypatch):
    whole = hashlib.sha256(CONTENT).hexdigest()
    monkeypatch.setitem(published.PUBLISHED, NAME, whole)
    assert download(URL).read_bytes() == CONTENT
    monkeypatch.setitem(published.PUBLISHED, NAME, whole[:8] + "0" * 56)  # the checksum of a forged file
    with pytest.raises(DownloadError, match="another file than the published one"):
        download(URL)


def test_every_published_backbone_has_a_full_checksum():
    urls = {spec.url for spec in BACKBONES.values() if spec.url}
    assert {url.rpartition("/")[2] for url in urls} == set(published.PUBLISHED)
    for name, checksum in published.PUBLISHED.items():
        assert re.fullmatch("[0-9a-f]{64}", checksum)
        assert name.endswith(f"-{checksum[:8]}.pth")


class FullFile:
    """A file on a full disk."""

    def __init__(self, file):
        self._file = file

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()

    def write(self, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
