"""Keep out of a process what libraries load only because it happens to be installed.

Several try to import what some of their users want (a terminal's colours, OpenTelemetry's SDK, a command line), and do
without where it is missing. A role has none of it in use, yet it would hold some 10 MiB in each pod.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# https://docs.openssl.org/3.0/man3/SSL_CTX_load_verify_locations/
_AUTHORITIES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@contextmanager
def left_out(*names: str) -> Iterator[None]:
    """Let modules be missing as long as this lasts: for the first import of a library that can do without them.

    Afterwards they can be imported by whoever wants them. What is loaded already stays. Not for what runs beside other
    threads that import.

    Args:
        names: Of modules; what is below one is missing with it.
    """
    absent = [name for name in names if name not in sys.modules]
    # None makes an import raise ModuleNotFoundError: https://docs.python.org/3/reference/import.html#the-module-cache
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@contextmanager
def no_authorities() -> Iterator[None]:
    """Let OpenSSL find no certificate authorities as long as this lasts: for the import of a library that reads them.

    TLS contexts that are made meanwhile trust nobody. What is read afterwards is as if this had never been. Not for
    what runs beside other threads.
    """
    before = {name: os.environ.get(name) for name in _AUTHORITIES}
    os.environ.update(dict.fromkeys(_AUTHORITIES, os.devnull))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
