"""Ansible inventories as people write them, and as they should not be written."""

from pathlib import Path

import pytest

from readiness.drafting.inventory import Inventory, Machine, read
from readiness.model.errors import UsageError

INI = """\
# the university's
mail.example.edu

[web]
web[01:03].example.edu ansible_user=ops   # behind the balancer
edge ansible_host=192.0.2.7 ansible_port=2222 note="a [b] c"

[db]
db-[a:b].example.edu

[db:vars]
ansible_user=postgres
db_password=do-not-keep

[all:vars]
ansible_port = 22

[prod:children]
web
db
"""
YAML = """\
all:
  vars: {ansible_user: ops, api_key: do-not-keep}
  hosts:
    mail.example.edu:
  children:
    web:
      hosts:
        web[1:2].example.edu: {ansible_host: 192.0.2.9}
    db:
      vars: &shared
        ansible_port: 2200
      hosts:
        db1:
          <<: *shared
          ansible_host: !vault |
            $ANSIBLE_VAULT;1.1;AES256
            6162
"""


def inventory(folder: Path, text: str, name: str = "hosts") -> Inventory:
    """What is read of such a file."""
    path = folder / name
    path.write_text(text)
    return read(path)


def test_ini_has_hosts_ranges_groups_and_what_stands_for_all(tmp_path: Path) -> None:
    """The group is the first that a host stands in; a host's own words win over its group's."""
    found = {one.name: one for one in inventory(tmp_path, INI).machines}
    assert list(found) == [
        "mail.example.edu",
        *(f"web0{number}.example.edu" for number in (1, 2, 3)),
        "edge",
        "db-a.example.edu",
        "db-b.example.edu",
    ]
    assert found["mail.example.edu"].group == ""
    assert found["web02.example.edu"] == Machine(
        "web02.example.edu", "web02.example.edu", "web", 22, "ops"
    )
    assert found["edge"] == Machine("edge", "192.0.2.7", "web", 2222, "")
    assert found["db-b.example.edu"].user == "postgres"


def test_yaml_has_groups_within_groups_and_sealed_values(tmp_path: Path) -> None:
    """What is encrypted is told; anchors and merges are YAML's own."""
    found = inventory(tmp_path, YAML, "hosts.yml")
    machines = {one.name: one for one in found.machines}
    assert [(one.name, one.group) for one in found.machines] == [
        ("mail.example.edu", ""),
        ("web1.example.edu", "web"),
        ("web2.example.edu", "web"),
        ("db1", "db"),
    ]
    assert (machines["db1"].host, machines["db1"].port) == ("db1", 2200)
    assert found.vaulted == ("db1",)


def test_nothing_but_the_way_there_is_kept(tmp_path: Path) -> None:
    """Inventories hold secrets."""
    assert "do-not-keep" not in repr(inventory(tmp_path, INI))
    assert "do-not-keep" not in repr(inventory(tmp_path, YAML, "hosts.yaml"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no machine"),
        ("[web\nweb1\n", "line 1 is no section"),
        ("[web:wars]\nweb1\n", "line 1 is no section"),
        ('[web]\nweb1 a="b\n', "line 2 has a quote without its end"),
        ("web[1:999999]\n", "too many machines"),
        ("web[1:30]x[1:30]\n", "too many machines"),
        ("web[5:1]\n", "is empty or has too many machines"),
        ("web[a:3]\n", "has no order"),
        ("---\n- a\n- b\n", "expected a mapping of groups"),
        ("all:\n  hosts: [a, b]\n", "are no mapping"),
        ("all:\n  hosts: {a: [\n", "is not YAML"),
        ("all: 3\n", "is no mapping of hosts"),
        ("a;b\n", "is no name of a machine"),
        ("all: &a\n  children:\n    b: *a\n", "is no mapping of hosts"),
    ],
)
def test_what_is_no_inventory_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    """With the file, and the line where there is one."""
    with pytest.raises(UsageError, match="hosts") as caught:
        inventory(tmp_path, text)
    assert said in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes, a folder, and nothing at all."""
    path = tmp_path / "hosts"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="is not UTF-8"):
        read(path)
    with pytest.raises(UsageError, match="can't be read"):
        read(tmp_path)
    path.write_bytes(b"a\n" * 600_000)
    with pytest.raises(UsageError, match="is too big"):
        read(path)
