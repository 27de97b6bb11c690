"""What the faults of pages under load share."""

from lab.scene import Scene

NODE = "app2"
CODE = "/opt/portal/app/portal/web.py"
TEST = "students"
CHECKS = ("LOAD-001", "LOAD-002", "LOAD-003")
VISIT = ("curl", "-s", "--max-time", "5", "-o", "/dev/null", "-w", "%{http_code} %{time_total}")


def deploy(scene: Scene, before: str, line: str) -> None:
    """Deploy a release with a line of its own before another one."""
    scene.change(NODE, CODE, lambda text: text.replace(before, line + before))
    scene.service(NODE, "restart", "portal")


def put_back(scene: Scene) -> None:
    """Put the release back, and wait until it serves again."""
    scene.put_back(NODE, CODE)
    scene.service(NODE, "restart", "portal")

    def serves() -> bool:
        return visits(scene, "/courses", 1)[0][0] == "200"

    scene.wait(f"{NODE} serves", serves, 30)


def visits(scene: Scene, path: str, count: int) -> list[tuple[str, float]]:
    """Status and seconds of that many visits to a page of the machine itself."""
    answers = (scene.ask("mon1", *VISIT, f"http://{NODE}:8000{path}") for _ in range(count))
    words = (answer.out.split() for answer in answers)
    return [(status, float(seconds)) for status, seconds in words]
