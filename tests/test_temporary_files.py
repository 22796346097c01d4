"""Temporary files of killed processes are removed, and no others."""

import os
import subprocess
import sys

import pytest

from layergraph.temporary_files import make_temporary, remove_stale

WRITE = """
import sys
from layergraph.atomic import atomic_file
with atomic_file(sys.argv[1]) as path:
    path.write_text("half")
    print(path.name, flush=True)
    sys.stdin.read()
"""


def age(path, days):
    time = path.stat().st_mtime - days * 24 * 3600
    os.utime(path, (time, time))


@pytest.mark.skipif(os.name != "posix", reason="elsewhere the file stays for a day")
def test_the_file_of_a_killed_writer_is_removed(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE, str(tmp_path / "net.safetensors")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    left = tmp_path / process.stdout.readline().strip()
    assert left.is_file()
    assert remove_stale(tmp_path, ".safetensors") == []  # its writer runs
    process.kill()
    process.communicate()
    assert remove_stale(tmp_path, ".png") == []
    assert remove_stale(tmp_path, ".safetensors") == [left]
    assert not left.exists()


def test_files_of_others_stay(tmp_path):
    names = [
        "net.safetensors",
        ".layergraph.notes.safetensors",
        ".layergraph.host.1.safetensors",
        ".layergraph.host.1.short.safetensors",
        ".layergraph.host.1.abcdefgh.png",
    ]
    for name in names:
        (tmp_path / name).write_text("")
        age(tmp_path / name, days=30)
    make_temporary(tmp_path, ".safetensors")
    (tmp_path / ".layergraph.host.1.abcdefgi.safetensors").symlink_to(tmp_path / "net.safetensors")
    (tmp_path / ".layergraph.host.1.abcdefgj.safetensors").mkdir()
    before = {*tmp_path.iterdir()}
    assert remove_stale(tmp_path, ".safetensors") == []
    assert {*tmp_path.iterdir()} == before


def test_a_file_of_another_machine_is_removed_after_a_day(tmp_path):
    path = tmp_path / ".layergraph.other-machine.1.abcdefgh.safetensors"
    path.write_text("")
    assert remove_stale(tmp_path, ".safetensors") == []
    age(path, days=2)
    assert remove_stale(tmp_path, ".safetensors") == [path]
