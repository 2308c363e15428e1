"""`python -m leadgateway` is the `leadgateway` command."""

from leadgateway.cli import main

main()
