"""The frames of a video as image files."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from layergraph.errors import DataError, MissingExtraError
from layergraph.wording import quoted, visible

VIDEO_EXTENSIONS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".webm")


def is_video(path: Path) -> bool:
    """Whether a path has the extension of a video."""
    return path.suffix.lower() in VIDEO_EXTENSIONS


def write_frames(video: Path, folder: Path) -> None:
    """Write the frames of a video to ``<name of the video>_000001.png``, ... in a folder, with ffmpeg.

    Raises:
        DataError: there is no such file, or ffmpeg reads no frame from it.
        MissingExtraError: there is no program ffmpeg.
    """
    if not video.is_file():
        raise DataError(f"there is no file {quoted(str(video))}")
    program = shutil.which("ffmpeg")
    if program is None:
        raise MissingExtraError(
            f"{quoted(str(video))} is a video, and needs the program ffmpeg, which is not installed; install "
            "it, or give a folder of its frames"
        )
    # "file:" because a name may look like the address of a server; a percent sign in the name would be a
    # number of ffmpeg, so that frames get their names afterwards
    words = ["-nostdin", "-loglevel", "error", "-i", f"file:{video.absolute()}", "-fps_mode", "passthrough"]
    process = subprocess.run(
        [program, *words, "%06d.png"], cwd=folder, capture_output=True, text=True, errors="replace"
    )
    frames = sorted(folder.glob("*.png"))
    if process.returncode or not frames:
        reason = (process.stderr.strip().splitlines() or ["it has no frames"])[-1]
        raise DataError(f"cannot read video {quoted(str(video))}: {visible(reason)}")
    for frame in frames:
        frame.rename(folder / f"{video.stem}_{frame.name}")
