"""A web server that can go on from a byte, and break off."""

import threading
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, from a byte on if asked to; each answer breaks off after ``most`` bytes."""

    most = None
    resumes = True

    def log_message(self, *_):
        pass

    def finish(self):
        with suppress(ConnectionError):  # the reader went away
            super().finish()

    def do_GET(self):
        path = Path(self.directory) / self.path.lstrip("/")
        if not path.exists():
            self.send_error(404)
            return
        content = path.read_bytes()
        asked = self.headers["Range"] if self.resumes else None
        first = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if asked and first >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.end_headers()
            return
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        sent = content[first:][: self.most]
        asked_for.append((first, len(sent)))
        with suppress(ConnectionError):
            self.wfile.write(sent)


asked_for = []
"""First byte and length of each answer."""


@contextmanager
def serve(folder):
    """Serve a folder; the address."""
    asked_for.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=partial(server.serve_forever, 0.01))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
