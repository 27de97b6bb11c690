"""Who may read a declared place of secrets: its owner and its mode, never what it holds."""

from readiness.model.errors import NotUnderstood
from readiness.probes.ssh import ObserveSession
from readiness.systems.answer import Answer
from readiness.systems.secrets.declared import OTHERS
from readiness.systems.secrets.declared import Kept as Declared
from readiness.systems.secrets.reading import Kept

_ENTER = 0o001


def place(session: ObserveSession, declared: Declared) -> Kept:
    """What everybody sees of a place.

    Where not even its rights can be seen, a folder above it keeps others out, and that is told.

    Raises:
        NotUnderstood: `stat` says neither.
    """
    answer = _stat(session, "a", declared.path)
    if answer.exit_code == 0:
        return Kept(declared.path, True, _owner(session, declared.path), answer.text.strip())
    if "permission denied" in answer.complaint.lower():
        return Kept(declared.path, None, "", "", _closed_folder(session, declared.path))
    if "no such file" in answer.complaint.lower():
        return Kept(declared.path, False, "", "")
    raise NotUnderstood(f"{session.where}: stat says nothing of {declared.path}")


def _closed_folder(session: ObserveSession, path: str) -> str:
    """The nearest folder above that can be seen; others may not enter it."""
    folder = path.rpartition("/")[0]
    while folder:
        answer = _stat(session, "a", folder)
        if answer.exit_code == 0:
            mode = int(answer.text.strip(), 8)
            if mode & OTHERS & _ENTER:
                break
            return folder
        folder = folder.rpartition("/")[0]
    raise NotUnderstood(f"{session.where}: what keeps others from {path} can't be seen")


def _owner(session: ObserveSession, path: str) -> str:
    answer = _stat(session, "U", path)
    if answer.exit_code != 0:
        raise NotUnderstood(f"{session.where}: stat says no owner of {path}")
    return answer.text.strip()


def _stat(session: ObserveSession, field: str, path: str) -> Answer:
    return session.run(f"stat -Lc %{field} {path}", remember=False)
