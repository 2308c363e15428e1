"""A Prometheus, and gateways for it to scrape."""
