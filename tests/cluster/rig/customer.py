"""A customer's API in a pod: remembers what it received; runs there without any package of ours.

POST /…            answers 200, after `DELAY` seconds
GET /requests      everything received, oldest first: [clock, path, token, idempotency key, payload]
GET /clock         this pod's clock, so that times from several pods need not be compared
"""

import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DELAY = float(os.environ.get("DELAY", "0"))
received: list[object] = []


class Customer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        token, key = self.headers.get("Authorization"), self.headers.get("Idempotency-Key")
        received.append([time.time(), self.path, token, key, payload])
        if self.path.startswith("/slow"):
            time.sleep(DELAY)
        self.answer({})

    def do_GET(self) -> None:
        self.answer(received if self.path == "/requests" else time.time())

    def answer(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128


Server(("", 8010), Customer).serve_forever()
