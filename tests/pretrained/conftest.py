"""A server of files on this machine in the place of torchvision's, and a cache of its own."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Server(ThreadingHTTPServer):
    """Serves ``content`` under every path, as ``how`` says, and remembers the paths."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.paths, self.content, self.how = [], b"", "whole"
        self.redirect, self.patience_lost = "", threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/mirror"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.paths.append(self.path)
        how = self.server.how
        if how == "missing":
            self.send_error(404)
        elif how == "forbidden":
            self.send_error(403)
        elif how == "redirect":
            self.send_response(302)
            self.send_header("Location", self.server.redirect)
            self.end_headers()
        elif how == "stalled":
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.server.content)))
            self.end_headers()
            self.wfile.write(self.server.content[:100])
            self.wfile.flush()
            self.server.patience_lost.wait(10)
        elif how == "silent":
            self.close_connection = True
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.server.content)))
            self.end_headers()
            end = len(self.server.content) // 2 if how in ("cut", "reset") else None
            self.wfile.write(self.server.content[:end])
            if how == "reset":
                self.wfile.flush()
                # closes with a reset instead of an end
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                self.connection.close()
            self.close_connection = True

    def finish(self):
        if self.server.how != "reset":
            super().finish()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("LAYERGRAPH_WEIGHTS_URL", server.url)
    yield server
    server.patience_lost.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("TORCH_HUB", raising=False)
    return tmp_path / "torch" / "hub" / "checkpoints"
