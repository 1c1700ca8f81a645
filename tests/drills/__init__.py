"""Runbooks followed in a running system by hand before a release, since they take minutes: `make drill-rotation`, `make drill-upgrade`, `make drill-full-disk`."""
