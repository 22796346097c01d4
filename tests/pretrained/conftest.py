"""A local server in place of torchvision's, and an empty cache."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Server(ThreadingHTTPServer):
    """Serves ``content`` under every path in the way of ``behavior``, and records the paths."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), RequestHandler)
        self.paths, self.content, self.behavior = [], b"", "whole"
        self.redirect, self.client_gave_up = "", threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/mirror"


class RequestHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.paths.append(self.path)
        behavior = self.server.behavior
        if behavior == "missing":
            self.send_error(404)
        elif behavior == "forbidden":
            self.send_error(403)
        elif behavior == "redirect":
            self.send_response(302)
            self.send_header("Location", self.server.redirect)
            self.end_headers()
        elif behavior == "stalled":
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.server.content)))
            self.end_headers()
            self.wfile.write(self.server.content[:100])
            self.wfile.flush()
            self.server.client_gave_up.wait(10)
        elif behavior == "silent":
            self.close_connection = True
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.server.content)))
            self.end_headers()
            end = len(self.server.content) // 2 if behavior in ("cut", "reset") else None
            self.wfile.write(self.server.content[:end])
            if behavior == "reset":
                self.wfile.flush()
                # close with a reset
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                self.connection.close()
            self.close_connection = True

    def finish(self):
        if self.server.behavior != "reset":
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
    server.client_gave_up.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("TORCH_HUB", raising=False)
    return tmp_path / "torch" / "hub" / "checkpoints"
