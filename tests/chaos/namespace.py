"""A network namespace behind a virtual cable that loses packets: real loss, which TCP itself has to cope with.

The servers seem to be in the namespace: relays there pass connections on to the harness's own proxies. What is lost is
lost by the kernel (iptables' `statistic`), in both directions. Needs root, iproute2 and iptables.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from ipaddress import IPv4Address
from pathlib import Path
from typing import Self

from leadgateway.dev.child import end, spawn
from leadgateway.dev.server import last_lines
from tests.building.waiting import eventually

_FIRST = IPv4Address("198.18.0.0")
"""Of the network for benchmarks of network devices (RFC 2544), which nobody routes: 32,768 cables of four addresses."""

_PROGRAMS = ("ip", "iptables")


class Namespace:
    """Enter it to lay the cable; `host` and `inside` are the addresses of its ends."""

    def __init__(self, folder: Path) -> None:
        """Nothing is changed before it is entered.

        Args:
            folder: For the relays' logs.
        """
        number = os.getpid() % 32768
        self.host = str(_FIRST + 4 * number + 1)
        self.inside = str(_FIRST + 4 * number + 2)
        self._name = f"lgchaos{number}"
        self._folder = folder
        self._laid = ExitStack()

    @staticmethod
    def is_possible() -> bool:
        """Whether this process may make namespaces, and has the programs for it."""
        if os.geteuid() != 0 or not all(map(shutil.which, _PROGRAMS)):
            return False
        probe = f"lgprobe{os.getpid()}"
        with suppress(subprocess.CalledProcessError):
            _call("ip", "netns", "add", probe)
            try:
                _call("ip", "netns", "exec", probe, "iptables", "-A", "INPUT", *_LOSING, "0.5", "-j", "DROP")
            finally:
                _call("ip", "netns", "del", probe)
            return True
        return False

    def __enter__(self) -> Self:
        outer, inner = f"{self._name}h", f"{self._name}n"
        with ExitStack() as laying:
            _call("ip", "netns", "add", self._name)
            laying.callback(_call, "ip", "netns", "del", self._name)
            _call("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", self._name)
            _call("ip", "address", "add", f"{self.host}/30", "dev", outer)
            _call("ip", "link", "set", outer, "up")
            self._within("ip", "address", "add", f"{self.inside}/30", "dev", inner)
            self._within("ip", "link", "set", inner, "up")
            self._laid = laying.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._laid.close()

    def relay(self, port: int, target: int) -> None:
        """Pass connections to a port inside on to a port at the host's end of the cable."""
        log = self._folder / f"relay-{port}.log"
        script = Path(__file__).with_name("relay.py")
        command = ["ip", "netns", "exec", self._name, sys.executable, "-I", str(script), self.inside, str(port)]
        with log.open("wb") as output:
            process = spawn([*command, self.host, str(target)], output=output)
        self._laid.callback(end, process)
        eventually(lambda: b"listening" in log.read_bytes(), what=f"a relay ({last_lines(log)})")

    @contextmanager
    def losing(self, share: float) -> Iterator[None]:
        """Lose a share of the packets, each way.

        Args:
            share: From 0 to 1.
        """
        for chain in ("INPUT", "OUTPUT"):
            self._within("iptables", "-A", chain, *_LOSING, f"{share:g}", "-j", "DROP")
        yield
        for chain in ("INPUT", "OUTPUT"):
            self._within("iptables", "-F", chain)

    def _within(self, *command: str) -> None:
        _call("ip", "netns", "exec", self._name, *command)


_LOSING = ("-m", "statistic", "--mode", "random", "--probability")


def _call(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=30)
