"""The proof of dashboards and alerts, by a real Prometheus."""
