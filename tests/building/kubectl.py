"""A `kubectl` that answers for a cluster with one console in it, where there is no cluster.

It knows the three calls that `kubectl leads` makes. Its port-forward is real: it relays bytes between a port of its own
and the console's, until it is told to end.
"""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PROGRAM = """#!{python} -I
import json, select, socket, sys, threading
from pathlib import Path

folder = Path(__file__).parent
cluster = json.loads((folder / "cluster.json").read_text())
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
words = [word for word in sys.argv[1:] if not word.startswith("-")]
if words[0] in cluster["refused"]:
    sys.exit(cluster["refused"][words[0]])
if words[:2] == ["get", "services"]:
    print(json.dumps({{"items": cluster["services"]}}))
    sys.exit()
if words[:2] == ["get", "secret"]:
    if words[1] in cluster["refused"]:
        sys.exit(cluster["refused"][words[1]])
    if words[2] not in cluster["secrets"]:
        sys.exit(f'Error from server (NotFound): secrets "{{words[2]}}" not found')
    print(json.dumps({{"data": cluster["secrets"][words[2]]}}))
    sys.exit()
assert words[0] == "port-forward", words

def relay(near):
    with near, socket.create_connection(("127.0.0.1", cluster["port"])) as far:
        while True:
            for source in select.select([near, far], [], [])[0]:
                data = source.recv(65536)
                if not data:
                    return
                (far if source is near else near).sendall(data)

with socket.create_server(("127.0.0.1", 0)) as listener:
    print(f"Forwarding from 127.0.0.1:{{listener.getsockname()[1]}} -> 8001", flush=True)
    while True:
        near, _ = listener.accept()
        print("Handling connection for 8001", flush=True)
        threading.Thread(target=relay, args=(near,), daemon=True).start()
"""


@dataclass
class Cluster:
    """What that kubectl knows of.

    Attributes:
        folder: Where it is; put it on the PATH.
        port: Of the console, on this machine.
        services: As the API server would list them.
        secrets: Their data, by name.
        refused: What kubectl says, by the first word of what it is asked, or by `secret`.
    """

    folder: Path
    port: int
    services: list[dict[str, Any]] = field(default_factory=list)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def release(self, name: str, *, token: str, secret: str | None = None, key: str = "token") -> None:
        """Install a release of the chart."""
        annotations = {} if secret is None else {"leadgateway.io/console-secret": secret}
        labels = {"helm.sh/chart": "lead-gateway-0.1.0", "app.kubernetes.io/instance": name}
        metadata = {"name": f"{name}-console", "labels": labels, "annotations": annotations}
        self.services.append({"metadata": metadata, "spec": {"ports": [{"name": "http", "port": 80}]}})
        self.secrets[secret or f"{name}-console"] = {key: b64encode(token.encode()).decode()}

    def provide(self) -> None:
        """Write it down."""
        self.folder.mkdir(exist_ok=True)
        program = self.folder / "kubectl"
        program.write_text(_PROGRAM.format(python=sys.executable))
        program.chmod(0o755)
        known = {"port": self.port, "services": self.services, "secrets": self.secrets, "refused": self.refused}
        (self.folder / "cluster.json").write_text(json.dumps(known))

    @property
    def calls(self) -> list[list[str]]:
        """What it was asked."""
        return [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]
