"""Posts a lead through the gateway's Service and reads its story until it is delivered: what `helm test` runs.

It is the customer as well, unless another one was named: the route of this test points back at this pod.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

DEADLINE = time.monotonic() + 120
FINAL = ("DELIVERED", "REJECTED", "PERMANENTLY_FAILED")
received = []


class Customer(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        received.append(json.loads(body)["reference"])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def wait_for(look, what):
    seen = None
    while time.monotonic() < DEADLINE:
        found, seen = look()
        if found:
            return seen
        time.sleep(1)
    sys.exit(f"failed: {what} did not happen; last seen: {seen}")


def post(reference):
    """One post. A new route takes some seconds to reach the webhook: until then the answer is 404 or 503."""
    body = json.dumps({"reference": reference}).encode()
    request = urllib.request.Request(os.environ["WEBHOOK"], body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return True, json.load(answer)
    except urllib.error.HTTPError as error:
        return False, f"status {error.code}: {error.read(300)!r}"
    except OSError as error:
        return False, f"no answer: {error}"


def story(lead_id):
    shown = subprocess.run(["leadgateway", "lead", "show", str(lead_id), "-o", "json"], capture_output=True, text=True)
    if shown.returncode:
        return False, shown.stderr.strip()
    lead = json.loads(shown.stdout)
    return lead["status"] in FINAL, lead


def main():
    server = HTTPServer(("", 8010), Customer)
    Thread(target=server.serve_forever, daemon=True).start()
    reference = str(uuid.uuid4())
    answer = wait_for(lambda: post(reference), "a post that is accepted")
    print(f"accepted as lead {answer['lead_id']}")
    lead = wait_for(lambda: story(answer["lead_id"]), "the lead's end")
    path = " > ".join([step["to"] for step in lead["transitions"]])
    print(f"went {path}")
    if os.environ["EXPECT"] == "refused":
        kinds = [attempt["kind"] for attempt in lead["attempts"]]
        if lead["status"] == "DELIVERED" or received or "refused_address" not in kinds:
            sys.exit(f"failed: a private address was to be refused, but the attempts were {kinds}")
        print("passed: the worker refused this pod's private address, as worker.allowPrivateNetworks=false demands.")
        print("Set tests.endpointUrl to a public URL of yours that answers 200 to see a delivery.")
        return
    if lead["status"] != "DELIVERED":
        sys.exit(f"failed: the attempts were {lead['attempts']}")
    if os.environ["EXPECT"] == "received" and reference not in received:
        sys.exit("failed: the lead is marked DELIVERED, but did not arrive here")
    print("passed: delivered")


main()
