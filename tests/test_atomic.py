"""Atomic files: the new content, the old file after an error, links, devices, modes, full disks."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from layergraph import ArgumentError, load
from layergraph.atomic import atomic_file, check_writable
from layergraph.builders import segnet_layers


def write(path, text="new"):
    with atomic_file(path) as temporary:
        temporary.write_text(text)


def write_and_raise(path, error):
    with atomic_file(path) as temporary:
        temporary.write_text("half")
        raise error


def test_a_new_file_has_the_usual_mode(tmp_path):
    write(tmp_path / "a.txt")
    (tmp_path / "b.txt").write_text("b")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a.txt", "b.txt")]
    assert modes[0] == modes[1]


def test_a_replaced_file_keeps_its_mode(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o600)
    write(path)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o600)


def test_the_target_of_a_link_is_replaced_and_the_link_stays(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("far/real.txt")
    (tmp_path / "dangling.txt").symlink_to("far/later.txt")
    write(tmp_path / "link.txt")
    write(tmp_path / "dangling.txt")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "dangling.txt").is_symlink()
    assert {path.name: path.read_text() for path in (tmp_path / "far").iterdir()} == {
        "real.txt": "new",
        "later.txt": "new",
    }


def test_the_content_is_written_to_a_pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    check_writable(path)
    received = []
    reader = threading.Thread(target=lambda: received.append(path.read_text()))
    reader.start()
    write(path, "x" * 200_000)
    reader.join(10)
    assert received == ["x" * 200_000]
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert [*tmp_path.iterdir()] == [path]


def test_the_content_is_written_to_a_device():
    check_writable("/dev/null")
    write("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    with pytest.raises(OSError, match="No space left on device") as caught:
        write("/dev/full")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, "/dev/full")


def test_the_content_is_appended_to_a_file_that_a_shell_has_open(tmp_path):
    code = (
        "from layergraph.atomic import atomic_file\n"
        "print('before', flush=True)\n"
        "with atomic_file('/dev/stdout') as f: _ = f.write_text('content\\n')\n"
        "print('after', flush=True)"
    )
    with (tmp_path / "out.txt").open("ab") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert (tmp_path / "out.txt").read_text() == "before\ncontent\nafter\n"
    piped = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert piped.stdout == "before\ncontent\nafter\n"


@pytest.mark.parametrize(
    "name", ["a" * 252, "a." + "b" * 250, "a" * 240 + ".safetensors", "ü" * 125 + ".png"]
)
def test_long_names_work(tmp_path, name):
    check_writable(tmp_path / name)
    write(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("extension", [".png", ".safetensors", ""])
def test_the_temporary_name_has_the_same_extension(tmp_path, extension):
    with atomic_file(tmp_path / f"a{extension}") as temporary:
        assert temporary.suffix == extension or not extension
        assert temporary.parent == tmp_path


@pytest.mark.parametrize("call", [write, check_writable], ids=["atomic_file", "check_writable"])
@pytest.mark.parametrize("path", ["a\0b", "a\ud800b", "/tmp/\0"])
def test_paths_that_no_file_can_have_are_refused(call, path):
    with pytest.raises(ArgumentError, match="a path must be text without NUL and surrogates, got '"):
        call(path)


@pytest.mark.parametrize("call", [write, check_writable], ids=["atomic_file", "check_writable"])
def test_paths_that_cannot_be_written_are_reported(tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    for path in ("", ".", tmp_path, "/"):
        with pytest.raises(IsADirectoryError, match="is a folder; give the name of a file in it"):
            call(path)
    for path in ("no/a.txt", "file/a.txt"):
        with pytest.raises(FileNotFoundError, match=r"there is no folder '.*' to write 'a\.txt' to"):
            call(path)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        call("loop")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match="'file' is not writable"):
        call("file")
    assert (tmp_path / "file").read_text() == "x"


def test_a_check_leaves_no_file_and_reports_a_full_disk(tmp_path):
    path = tmp_path / "net.safetensors"
    check_writable(path, 10**6)
    with pytest.raises(OSError, match=r"(No space left on device|File too large) for 9\d+ bytes") as caught:
        check_writable(path, 9 * 10**17)
    assert caught.value.filename == str(path)
    assert not [*tmp_path.iterdir()]


def test_after_an_error_only_the_old_file_is_left(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    for error in (OSError(errno.ENOSPC, "No space left on device", "/temporary"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            write_and_raise(path, error)
    assert path.read_text() == "old"
    assert [*tmp_path.iterdir()] == [path]
    with pytest.raises(OSError, match="No space left on device") as full:
        write_and_raise(path, OSError(errno.ENOSPC, "No space left on device", "/temporary"))
    assert full.value.filename == str(path)


def test_the_content_is_on_the_disk_before_the_name_changes(tmp_path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (calls.append("fsync"), fsync(handle)))
    monkeypatch.setattr(Path, "replace", lambda *paths: (calls.append("replace"), replace(*paths)))
    write(tmp_path / "a.txt")
    assert calls == ["fsync", "replace", "fsync"]


def test_saving_to_a_full_disk_is_an_os_error():
    with pytest.raises(OSError, match="No space left on device"):
        segnet_layers((32, 32, 1), 2, 1).compile().layer_graph().save("/dev/full")


def test_a_disk_that_fills_up_while_weights_are_written_is_an_os_error(tmp_path, monkeypatch):
    from safetensors import SafetensorError

    def full(*_):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    path = tmp_path / "a.safetensors"
    with pytest.raises(OSError, match="No space left on device") as caught:
        segnet_layers((32, 32, 1), 2, 1).save(path)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert not [*tmp_path.iterdir()]


def test_files_of_equal_graphs_are_equal(tmp_path):
    """The order of two entries of the metadata is random in each file."""
    lgraph = segnet_layers((32, 32, 1), 2, 1).compile().layer_graph()
    paths = [tmp_path / f"{index}.safetensors" for index in range(12)]
    for path in paths:
        lgraph.save(path)
    assert len({hashlib.sha256(path.read_bytes()).digest() for path in paths}) == 1
    assert all(load(path) == lgraph for path in paths)
