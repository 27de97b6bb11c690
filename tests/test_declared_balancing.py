"""What a file may say of the trials of a balancer, and how what is wrong is refused."""

import re
from pathlib import Path

import pytest
from wrong_files import ENVIRONMENTS

from readiness.catalogue.checks import load_catalogue
from readiness.catalogue.limits import limit_of
from readiness.model.errors import UsageError
from readiness.site.documents import load_environment

BALANCED = (ENVIRONMENTS / "balanced.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  - balancer: portal\n", "  - balancer: portals\n", "did you mean 'portal'?"),
        ("path: /seen", "path: seen", "a path that begins with '/'"),
        ("client: client", "client: ''", "balancing[0].seen.client"),
        ("client: client}", "client: client, ours: [here]}", "balancing[0].seen.ours"),
        ("- name: hang", "- name: error", "expected each way once"),
        ("[/usr/local/sbin/desk-mode, error]", "[]", "expected at least 1 entry"),
        ("[/usr/local/sbin/desk-mode, error]", "['a; b']", "a word that no shell reads otherwise"),
        ("within: 5 s", "within: 5", "a duration such as '30 s'"),
        ("within: 5 s", "within: 80 s", "at least 20 s less than expiry"),
        ("desk, recovery_time: 10 s", "desk, recovery_time: 2 min", "less than expiry"),
        ("unit: desk", "unit: 'a b'", "the name of a systemd unit"),
        ("writes: {path: /notes}", "writes: {path: /notes, how: x}", "balancing[0].drill.writes"),
        ("baseline: 5 s", "trials: 60", "balancing[0].drill.trials"),
        ("baseline: 5 s", "called: {web9: app9}", "server of that balancer"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """With file, line, key, what was expected and what was found."""
    assert old in BALANCED
    file = tmp_path / "site.yaml"
    file.write_text(BALANCED.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        load_environment(file)
    told = "\n".join(caught.value.lines)
    assert said in told, told
    assert re.match(rf"{re.escape(str(file))}:\d+:\d+: balancing", told), told


@pytest.mark.parametrize("check", ["LB-007", "LB-008", "LB-009", "LB-011"])
def test_every_declared_trial_has_its_time(check: str) -> None:
    """With more trials the limit grows by what one takes at least."""
    site = load_environment(ENVIRONMENTS / "balanced.yaml")
    entry = load_catalogue()[check]
    subject = "portal" if check == "LB-009" else "portal/web1"
    assert limit_of(entry, site, subject) > 2 * 90
