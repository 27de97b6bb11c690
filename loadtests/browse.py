"""Users who look pages up: one declared page after the other, each as often as its weight says.

locust -f loadtests/browse.py --env site/environment.yaml --headless -u 20 -r 5 -t 60s
"""

from locust import between, task

from readiness.drills.journeys import Journey


class Browse(Journey):
    """Somebody with a question: reads a page for some seconds, then asks for the next one."""

    # Most of a portal's users are logged in already, or never log in.
    weight = 9
    wait_time = between(1, 5)

    @task
    def look(self) -> None:
        """One page, which has to hold what is declared for it."""
        self.visit(next(self.site.chosen).name)
