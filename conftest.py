"""Makes `pytest suites --env FILE` work by hand, on the gate's own path."""

pytest_plugins = ("readiness.running.pytest_plugin",)
