"""`make check-dashboards`: a real Prometheus looks at a running system, and at what is done to it."""
