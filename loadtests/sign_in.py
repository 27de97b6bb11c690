"""Users who come to log in: each logs in anew, then looks at every page that needs it.

locust -f loadtests/sign_in.py --env site/environment.yaml --headless -u 5 -r 1 -t 60s
"""

from locust import between, task

from readiness.drills.journeys import Journey


class SignIn(Journey):
    """Somebody who types a password, and reads on as the user that it belongs to."""

    # Beside nine who browse: of ten visits one is by somebody who came to log in.
    weight = 1
    wait_time = between(3, 10)

    @task
    def sign_in_and_look(self) -> None:
        """Log in; where that went well, one page after the other as that user."""
        if not self.sign_in():
            return
        for page in self.site.members_pages:
            self.think()
            self.visit(page)
