"""Measures Lead Gateway on this machine; `make bench` runs it and bench/README.md explains it."""
