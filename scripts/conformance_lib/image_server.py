# SPDX-License-Identifier: Apache-2.0
"""Images for import over HTTP: the same small disk, raw and as qcow2."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from cumulet.lib.qcow2 import empty_qcow2

_BYTES = 1 << 20


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The URL below which image.raw and image.qcow2 can be fetched, for as long as the block lasts."""
    (folder / "image.raw").write_bytes(b"\0" * _BYTES)
    (folder / "image.qcow2").write_bytes(empty_qcow2(_BYTES))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
