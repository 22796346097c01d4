"""CamVid's archives from a server on this machine: whole, in parts, damaged, hostile."""

import hashlib
import io
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from layergraph.data import camvid_datastores, download_camvid, write_labels
from layergraph.data.sets import camvid_download
from layergraph.errors import ArgumentError, DownloadError


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        content = server.files.get(self.path)
        start = int(self.headers.get("Range", "bytes=0-")[6:-1]) if server.has_ranges else 0
        server.requests.append((self.path, start))
        if content is None:
            self.send_error(404)
        elif start >= len(content):
            self.send_error(416)
        else:
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start : start + server.most])
        self.close_connection = True

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.requests, server.most, server.has_ranges = {}, [], 10**9, True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.files = {"/images.zip": archive("701_StillsRaw_full/{}.png"), "/labels.zip": archive("{}_L.png")}
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def png(color):
    file = io.BytesIO()
    Image.fromarray(np.full((6, 8, 3), color, np.uint8)).save(file, "PNG")
    return file.getvalue()


def archive(name, **others):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as content:
        for index in range(5):
            content.writestr(name.format(f"0001TP_{index:03}"), png((128, 64, 128)))
        for other in ("Thumbs.db", "__MACOSX/._a.png", ".hidden.png"):
            content.writestr(other, b"?")
        for other, data in others.get("files", {}).items():
            content.writestr(other, data)
    return file.getvalue()


@pytest.fixture
def download(server, tmp_path):
    def call(**options):
        url = f"http://127.0.0.1:{server.server_address[1]}"
        given = {"images_url": f"{url}/images.zip", "labels_url": f"{url}/labels.zip", "labels_sha256": None}
        return download_camvid(tmp_path / "camvid", **(given | options))

    return call


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


WHOLE = [
    *(f"images/701_StillsRaw_full/0001TP_{i:03}.png" for i in range(5)),
    *(f"labels/0001TP_{i:03}_L.png" for i in range(5)),
]


def test_both_archives_are_unpacked_once(server, download, tmp_path):
    sha256 = hashlib.sha256(server.files["/labels.zip"]).hexdigest()
    images, labels = download(labels_sha256=sha256.upper())
    assert names(tmp_path / "camvid") == WHOLE
    assert [len(images), len(labels), (labels[0] == "Road").all()] == [5, 5, True]
    assert [path for path, _ in server.requests] == ["/labels.zip", "/images.zip"]
    assert download()[0].files == images.files
    assert len(server.requests) == 2


@pytest.mark.parametrize("has_ranges", [True, False])
def test_a_stopped_download_goes_on(server, download, tmp_path, has_ranges):
    server.most, server.has_ranges = len(server.files["/labels.zip"]) // 2, has_ranges
    with pytest.raises(DownloadError, match=r"connection ended after [\d,]+ of [\d,]+ bytes; call again"):
        download()
    assert names(tmp_path / "camvid") == ["labels.zip.part"]
    server.most = 10**9
    download()
    assert names(tmp_path / "camvid") == WHOLE
    assert [start > 0 for _, start in server.requests] == [False, has_ranges, False]


def test_a_partial_file_that_is_whole_or_too_long_is_downloaded_again(server, download, tmp_path):
    (tmp_path / "camvid").mkdir()
    (tmp_path / "camvid" / "labels.zip.part").write_bytes(server.files["/labels.zip"] + b"more")
    download()
    assert names(tmp_path / "camvid") == WHOLE


def test_another_file_is_refused_and_leaves_nothing(server, download, tmp_path):
    with pytest.raises(DownloadError, match=f"must have the SHA-256 {camvid_download.LABELS_SHA256}, got "):
        download(labels_sha256=camvid_download.LABELS_SHA256)
    assert names(tmp_path / "camvid") == []
    assert len(server.requests) == 1


def test_a_damaged_archive_is_downloaded_again(server, download, tmp_path):
    right = server.files["/images.zip"]
    at = right.index(b"IDAT") + 8
    server.files["/images.zip"] = right[:at] + b"xxxx" + right[at + 4 :]  # found by the checksum alone
    with pytest.raises(DownloadError, match=r"no whole ZIP archive .*Bad CRC-32"):
        download()
    server.files["/images.zip"] = b"<html>moved</html>"
    with pytest.raises(DownloadError, match=r"no whole ZIP archive .*not a zip file"):
        download()
    server.files["/images.zip"] = right
    download()
    assert names(tmp_path / "camvid") == WHOLE


def test_unpacking_that_was_stopped_goes_on(server, download, tmp_path):
    folder = tmp_path / "camvid"
    (folder / "labels").mkdir(parents=True)
    (folder / "labels.zip").write_bytes(server.files["/labels.zip"])
    (folder / "labels" / "0001TP_002_L.png").write_bytes(b"half")
    download()
    assert names(folder) == WHOLE
    assert (folder / WHOLE[7]).read_bytes() == png((128, 64, 128))
    assert [path for path, _ in server.requests] == ["/images.zip"]


@pytest.mark.parametrize("name", ["../evil.png", "/tmp/evil.png", "a/../../evil.png", "c:/evil.png"])
def test_no_file_leaves_the_folder(server, download, tmp_path, name, refusal):
    server.files["/images.zip"] = archive("{}.png", files={name: png(0)})
    assert f"must hold files below its folder, got '{name}', which leads elsewhere" in refusal(download)
    assert not [*tmp_path.rglob("evil*")]
    assert not Path("/tmp/evil.png").exists()


def test_archives_without_images_or_with_huge_ones(server, download, refusal, monkeypatch):
    server.files["/images.zip"] = archive("{}.txt")
    assert "must hold 1 to 100,000 images, got 0" in refusal(download)


def test_huge_images(server, download, refusal, monkeypatch):
    monkeypatch.setattr("layergraph.data.sets.archive._LARGEST", 50)
    assert "must hold images of at most 50 B, got " in refusal(download)


def test_images_without_labels(server, download, refusal):
    server.files["/images.zip"] = archive("{}.png", files={"0001TP_009.png": png(0)})
    assert "0001TP_009.png' has no partner" in refusal(download)


def test_a_missing_file_names_the_way_by_hand(server, download, tmp_path):
    del server.files["/labels.zip"]
    with pytest.raises(DownloadError) as caught:
        download()
    assert str(caught.value).endswith(
        f"answers 404 Not Found; download it by hand and unpack it to '{tmp_path}/camvid/labels'"
    )


def test_stores_of_each_coding(tmp_path):
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    (tmp_path / "images/a.png").write_bytes(png(0))
    (tmp_path / "labels/a_L.png").write_bytes(png((64, 128, 64)))
    assert (camvid_datastores(tmp_path)[1][0] == "Pedestrian").all()
    assert (camvid_datastores(tmp_path, grouped=False)[1][0] == "Animal").all()
    write_labels(tmp_path / "labels/a_L.png", [[3, 11, 255]])
    assert camvid_datastores(tmp_path)[1][0].tolist() == [[3, 255, 255]]
    with pytest.raises(ArgumentError, match="grouped must be True for labels of indices such as"):
        camvid_datastores(tmp_path, grouped=False)
