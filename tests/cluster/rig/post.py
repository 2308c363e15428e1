"""Posts leads through the gateway's Service from a pod, each over a connection of its own, as sources do.

Reads one JSON object from standard input: url, secrets (used in turns), references (one lead each), per_second.
Prints one: results, [reference, status or error, seconds] each, in the order of `references`. Nothing is tried twice.
"""

import json
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

told = json.load(sys.stdin)
LEAD = {
    "email": "erika.muster@example.com",
    "phone": "0681 123456",
    "address": {"zip": "66123", "street": "Hauptstr. 1"},
    "house": {"is_owner": True},
}


def post(index: int, reference: str) -> tuple[str, int | str, float]:
    time.sleep(max(0.0, start + index / told["per_second"] - time.monotonic()))
    headers = {"Content-Type": "application/json"}
    if told["secrets"]:
        headers["X-Shared-Secret"] = told["secrets"][index % len(told["secrets"])]
    body = json.dumps({**LEAD, "reference": reference}).encode()
    began = time.monotonic()
    try:
        with urllib.request.urlopen(urllib.request.Request(told["url"], body, headers), timeout=10) as answer:
            json.load(answer)
            outcome: int | str = answer.status
    except urllib.error.HTTPError as error:
        outcome = error.code
    except OSError as error:
        outcome = repr(error)
    return reference, outcome, time.monotonic() - began


start = time.monotonic()
with ThreadPoolExecutor(32) as threads:
    results = list(threads.map(post, range(len(told["references"])), told["references"]))
json.dump({"results": results}, sys.stdout)
