"""Routes that deliver to the demo customer follow it when it is moved to another port."""

from __future__ import annotations

from urllib.parse import urlsplit

from leadgateway.dev.options import DEMO_PORT
from leadgateway.route.model import LeadRoute

_USUAL = {f"127.0.0.1:{DEMO_PORT}", f"localhost:{DEMO_PORT}"}


def following_demo(route: LeadRoute, port: int) -> LeadRoute:
    """The route, delivering to `port` where it is written for the demo customer's usual address.

    So `--demo-port` needs no edit of the sample route, whose text stays true for everybody else.
    """
    url = route.spec.endpoint.url
    try:
        usual = urlsplit(url).netloc
    except ValueError:  # not a URL, which `compile` says better
        return route
    if port == DEMO_PORT or usual not in _USUAL:
        return route
    moved = url.replace(usual, f"{usual.partition(':')[0]}:{port}", 1)
    endpoint = route.spec.endpoint.model_copy(update={"url": moved})
    return route.model_copy(update={"spec": route.spec.model_copy(update={"endpoint": endpoint})})
