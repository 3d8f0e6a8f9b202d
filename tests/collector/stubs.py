"""An HTTP server that keeps what it is sent and says that all is well: X-Ray, an OTLP endpoint or a vendor."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Request:
    """As it came; header names in lower case."""

    path: str
    headers: dict
    body: bytes


class Stub:
    """Serves on a loopback port, a free one for 0."""

    def __init__(self, host="127.0.0.1", port=0):
        self.requests = requests = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                requests.append(Request(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                self._answer()

            def do_GET(self):
                self._answer()

            def _answer(self):
                # Right for X-Ray; for OTLP in JSON an answer without a complaint.
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer((host, port), Handler)
        self.url = f"http://{host}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
