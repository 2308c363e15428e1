"""Watches the folder of LeadRoutes for a person: publishes what changed and tells what came of it."""

from __future__ import annotations

from pathlib import Path

from leadgateway.dev.home import Home
from leadgateway.dev.route_folder import Refreshed, RouteFolder, described
from leadgateway.dev.screen import Screen


class RouteWatch:
    """The folder of LeadRoutes, published again when a file changes."""

    def __init__(self, folder: Path, home: Home, screen: Screen, *, demo_port: int) -> None:
        self._screen = screen
        self._folder = RouteFolder(folder, home.config, fingerprint_key=home.fingerprint_key(), demo_port=demo_port)
        self._told = ""
        screen.started("routes", str(folder))

    def look(self) -> None:
        """Publish what changed and tell what came of it."""
        try:
            refreshed = self._folder.refresh()
        except OSError as error:
            self._tell_once(f"Routes can't be published, the last good ones go on: {error}")
            return
        self._told = ""
        if refreshed is not None:
            self._tell(refreshed)

    def _tell(self, refreshed: Refreshed) -> None:
        for route in refreshed.routes:
            if route.key in refreshed.changed:
                self._screen.started("route", described(route))
        for key in sorted(refreshed.gone):
            self._screen.note(f"{key} is gone; its waiting leads wait until it returns or they are moved")
        for problem in refreshed.problems:
            self._screen.problem(str(problem))
        if refreshed.problems:
            self._screen.note("Nothing of a file with a mistake takes effect; its last good version, if any, goes on.")

    def _tell_once(self, sentence: str) -> None:
        if sentence != self._told:
            self._screen.problem(sentence)
        self._told = sentence
