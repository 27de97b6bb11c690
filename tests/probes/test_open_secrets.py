"""Secrets in the open: what is one and what is none, and a search over a real SSH session."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_servers import SshServer, scratch, ssh_server, started

from readiness.evidence.claim import plain
from readiness.model.errors import AccessDenied, NotUnderstood, ProbeError
from readiness.probes.commands import is_allowed
from readiness.probes.ssh import Command, Machines, ObserveSession
from readiness.probes.ssh_target import SshTarget
from readiness.systems.secrets import questions
from readiness.systems.secrets.asking import declared_files, kept, open_files, shown
from readiness.systems.secrets.asking.detector import hits, hits_in_file
from readiness.systems.secrets.declared import Allowed, LookedAt, Secrets
from readiness.systems.secrets.declared import Kept as Declared
from readiness.systems.secrets.globs import folder_and_depth, matches
from readiness.systems.secrets.questions import Search
from readiness.systems.secrets.reading import OpenFiles
from readiness.systems.secrets.reading.answers import (
    Process,
    places,
    read_counts,
    read_processes,
    read_units,
)
from readiness.systems.secrets.reading.lines import whole_secret

PASSWORD = "zinnober-4711"
"""In no file of any machine but those that these tests write."""

SECRETS = f"""
spring.datasource.password={PASSWORD}
spring.datasource.password: kittens # production
password = kittens
password=changeme
keystore.password=changeit
db.password = correct horse
connection.password.primary=kittens
PGPASSWORD=kittens
export PGPASSWORD=kittens
- POSTGRES_PASSWORD=kittens
Environment=DB_PASSWORD=winter2024
Environment="DB_PASSWORD=winter 2024"
DB_PASS=kittens
admin_pw=kittens
rabbit.default_pass = kittens
psk=kittens99
db_url = postgres://portal:kittens@db1/portal
redis://:kittens@cache/0
jdbc:postgresql://db/x?user=a&password=kittens
//nas/share /mnt cifs username=x,password=kittens,uid=0 0 0
jwt.secret=mysupersecret
<entry key="db.password">kittens</entry>
<user-name>sa</user-name><password>sa</password>
host=db user=x password=kittens dbname=y
Server=db;User Id=x;Password=kittens;
"password": "kittens"
{{"db":{{"password":"kittens","x":1}}}}
$db_password = "kittens";
define('DB_PASSWORD', 'kittens');
<property name="password" value="kittens"/>
<Resource username="x" password="kittens" url="y"/>
<password>kittens</password>
db1:5432:portal:portal:kittens
*:*:*:portal:kittens
machine x login y password kittens
"portal" "kittens"
requirepass kittens
masterauth kittens
user default on >kittens ~* +@all
stats auth admin:kittens
    secret "c2VjcmV0LW9mLWJpbmQ=";
#spring.datasource.password=kittens42
password=9f8e7d6c5b4a39281706f5e4d3c2b1a0
SECRET_KEY_BASE=9f8e7d6c5b4a39281706f5e4d3c2b1a0
client-secret: abc123def
api_key = "sk12345678"
AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENGbPxRfiCYzz
Authorization: Basic YWRtaW46a2l0dGVucw==
-----BEGIN RSA PRIVATE KEY-----
-----BEGIN OPENSSH PRIVATE KEY-----
key=AKIAIOSFODNN7ABCDEFG
remote ghp_abcdefghijklmnopqrstuvwxyz0123456789
bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcDEF123_-456abc
"""
COMMANDS = f"""
java -Dspring.datasource.password=kittens -jar x.jar
java -jar x.jar --spring.datasource.password={PASSWORD}
app --password kittens
app --db-password=kittens
/bin/sh -c PGPASSWORD=kittens psql -h db1
psql postgresql://portal:kittens@db1/portal
curl -u admin:kittens https://x
mysql -uroot -pkittens portal
redis-cli -h cache1 -a kittens ping
redis-server *:6379 --requirepass kittens
sshpass -p kittens ssh x
docker run -e POSTGRES_PASSWORD=kittens postgres
openssl rsa -passin pass:kittens -in x
"""
NONE = """
build_id=9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c
sha256=9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c9f8e7d6c5b4a39281706f5e4
integrity="sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K"
git.commit.id=5d41402abc4b2a76b9719d911017c592
password=
password=""
password = ''
password=${DB_PASSWORD}
password=${DB_PASSWORD:}
password: "{{ vault_password }}"
password: !vault |
password=$1
PASSWORD=$(cat /run/secrets/db)
password=@DB_PASSWORD@
password=<your password>
password=********
spring.datasource.password=ENC(9f8e7d6c5b4a)
# password=changeme
# password: the password of the user
# requirepass foobared
# postgres://user:password@localhost/db
password_file=/etc/portal/db.password
password=/run/secrets/db
password_encryption = scram-sha-256
password_hash=$2b$12$abcdefghijk
password=$6$abc$defghijk
userPassword: {SSHA}abcdefghijk1234
"portal" "SCRAM-SHA-256$4096:abc"
"portal" "md5aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
PASS_MAX_DAYS 99999
PasswordAuthentication no
password requisite pam_deny.so
passwd: files systemd
proxy_pass http://app;
secretName: portal-tls
secret: portal-tls
tokenTtl=3600
token_url=https://login.example.edu/token
read -p "Password: " answer
echo "Enter password: "
publicKey=AAAAB3NzaC1yc2EAAAADAQABAAABAQ
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcdef
-----BEGIN CERTIFICATE-----
-----BEGIN PUBLIC KEY-----
-----BEGIN ENCRYPTED PRIVATE KEY-----
grep -q "BEGIN RSA PRIVATE KEY" server.pem
LoadCredential=db:/etc/portal/db.password
csrf_token_header=X-CSRF-TOKEN
http://[::1]:8080/a@b
logging.level.org.example.security.password=DEBUG
password = var.db_password
password: ENV["DB_PASSWORD"]
The password: ask the administrator
[ -z "$PASSWORD" ] && echo "password: missing"
javax.net.ssl.trustStorePassword=changeit
server.ssl.trust-store-password=changeit
smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd
chpasswd: {expire: false}
<policy domain="cache" name="shared-secret" value="passphrase" stealth="True"/>
Environment=GIT_ASKPASS=/bin/true PWD=/root
%admin ALL=(ALL) NOPASSWD: ALL
key=AKIAIOSFODNN7EXAMPLE
"""


def lines(text: str) -> list[str]:
    """The lines of a list above."""
    return [one.replace("{{", "{").replace("}}", "}") if "db" in one and one[0] == "{" else one
            for one in text.strip().splitlines()]  # fmt: skip


@pytest.mark.parametrize("line", lines(SECRETS))
def test_a_secret_in_a_file_is_found(line: str) -> None:
    """Each is one, however short, as people write them."""
    assert hits_in_file("/srv/portal/application.properties", line)


@pytest.mark.parametrize("line", lines(COMMANDS))
def test_a_secret_in_a_command_line_is_found(line: str) -> None:
    """Each is one, and is one in a script, too."""
    assert hits(line)
    assert hits_in_file("/opt/portal/start.sh", line)


@pytest.mark.parametrize("line", lines(NONE))
def test_what_is_no_secret_is_left_alone(line: str) -> None:
    """Each is legitimate, and looks like a secret to some checker."""
    assert hits_in_file("/srv/portal/application.properties", line) == ()


def test_our_own_search_is_no_secret() -> None:
    """Its words stand in the process table while it runs."""
    assert hits(Search(("/etc",)).searched) == ()
    assert hits(Search(("/etc",)).counted) == ()


def test_programs_and_papers_are_read_otherwise() -> None:
    """In a program only literals count, on a page words behind `password` are labels."""
    assert hits_in_file("/opt/x/settings.py", "PASSWORD = 'kittens'")
    assert hits_in_file("/opt/x/README.md", "password=kittens42")
    assert not hits_in_file("/opt/x/settings.py", "password=settings.PASSWORD")
    assert not hits_in_file("/opt/x/app.js", '{password:"Lozinka"}')


def test_a_file_that_is_named_like_a_secret() -> None:
    """One word on one line is the secret; anything else is not."""
    assert whole_secret([PASSWORD])
    assert whole_secret(["kittens", ""])
    assert not whole_secret(["/run/secrets/db"])
    assert not whole_secret(["root:x:0:0:root:/root:/bin/bash"])
    assert not whole_secret(["one", "two"])


def test_globs_stay_in_their_folder() -> None:
    """`*` is one step of a path, `**` any number."""
    assert matches("/srv/*/x.properties", "/srv/a/x.properties")
    assert not matches("/srv/*/x.properties", "/srv/a/b/x.properties")
    assert matches("/srv/**/*.properties", "/srv/a/b/x.properties")
    assert matches("/srv/**/*.properties", "/srv/x.properties")
    assert folder_and_depth("/srv/p/*/x.conf") == ("/srv/p", 2)
    assert folder_and_depth("/srv/p/x.conf") == ("/srv/p/x.conf", 0)


def test_what_systemd_shows_is_read() -> None:
    """Environment and arguments of each unit, and the folders that its files lie in."""
    said = (
        "Id=portal.service\nWorkingDirectory=/data/portal\n"
        "EnvironmentFiles=/data/env/portal (ignore_errors=yes)\n"
        'Environment="DB_PASSWORD=winter 2024" LANG=C\n'
        "ExecStart={ path=/usr/bin/java ; argv[]=/usr/bin/java -jar /data/app/x.jar --token "
        "abc123def ; ignore_errors=no ; start_time=[n/a] ; status=0/0 }\n"
    )
    (unit,) = read_units(said)
    assert unit.id == "portal.service"
    assert unit.commands == ("/usr/bin/java -jar /data/app/x.jar --token abc123def",)
    assert places([unit], ()) == ("/data/app", "/data/env", "/data/portal")


def test_where_services_have_their_files() -> None:
    """A program's folder, and a file of settings wherever it lies."""
    process = Process(
        "portal",
        "-",
        "java -jar /var/lib/portal/portal.jar --spring.config.location=file:/usr/share/p/a.yml "
        "-Dlog=/var/log/portal/x.log -cp /usr/share/java/x.jar",
    )
    assert places((), [process]) == ("/var/lib/portal", "/usr/share/p/a.yml")


def test_a_comment_of_several_lines() -> None:
    """What a sample in a comment has is no secret, unless it looks chosen."""
    text = '<a>\n<!-- a sample:\n <b password="changeit"/>\n-->\n<c password="kittens"/>\n</a>\n'
    found = open_files.secrets_of_file("/etc/tomcat/server.xml", text.encode())
    assert [one.line for one in found] == [5]


def test_what_ps_shows_is_read() -> None:
    """User, unit and arguments, blanks included."""
    said = "    PID USER   UNIT   COMMAND\n   12 portal portal.service /opt/x/java -Da=b c\n"
    (one,) = read_processes(said)
    assert (one.user, one.unit, one.program) == ("portal", "portal.service", "java")
    assert one.arguments == "/opt/x/java -Da=b c"


def test_a_count_that_is_none_is_refused() -> None:
    """Half an answer is no answer."""
    assert read_counts(b"/etc/a\x003\n/etc/b\x000\n", "x") == {"/etc/a": 3, "/etc/b": 0}
    with pytest.raises(NotUnderstood):
        read_counts(b"/etc/a\x00", "x")


@pytest.mark.parametrize(
    "command",
    [
        Search(("/etc", "/srv")).searched.replace("/srv", "/srv;id"),
        Search(("/etc",)).searched.replace("grep -I", "grep --include=x -I"),
        Search(("/proc",)).listed,
        Search(("/etc",), ("/sys/kernel",)).listed,
        questions.content("/proc/kmsg", None),
        questions.content("/etc/../proc/kmsg", None),
        questions.content("/dev/sda", "root"),
        "find / -exec id",
        "cd / && sudo -n -u root /usr/bin/find -L /etc -maxdepth 3 -type f -delete",
    ],
)
def test_no_other_command_is_allowed(command: str) -> None:
    """Neither a second program nor a place whose reading takes something away."""
    assert not is_allowed(command)


# Over SSH


@pytest.fixture(scope="module")
def sent() -> list[Command]:
    """Every command of the session, as the record is told."""
    return []


def target(server: SshServer) -> SshTarget:
    """Where that server is, and how to log in."""
    return SshTarget(
        name="here",
        address="127.0.0.1",
        user=server.user,
        port=server.port,
        key_file=server.key_file,
        known_hosts=server.known_hosts,
    )


@pytest.fixture(scope="module")
def session(sent: list[Command]) -> Iterator[ObserveSession]:
    """A session with this machine itself, over a real sshd."""
    with ssh_server() as server, Machines(sent.append) as machines:
        yield machines.observe(target(server))


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is searched beside /etc, and nothing else is."""
    with scratch() as path:
        monkeypatch.setattr(open_files, "_own_places", lambda _: [str(path)])
        yield path


def write(path: Path, text: str, mode: int = 0o644) -> Path:
    """A file with these rights."""
    path.write_text(text)
    path.chmod(mode)
    return path


def below(found: OpenFiles, folder: Path) -> list[str]:
    """What was found in a folder, as people will read it."""
    return sorted(str(one) for one in found.secrets if one.place.startswith(f"{folder}/"))


def test_b2_a_password_that_everybody_reads_is_found(session: ObserveSession, folder: Path) -> None:
    """In the file, in its backup copy, and in one that holds nothing else; told by its place."""
    write(folder / "application.properties", "port=1\nspring.datasource.password=kittens\n")
    write(folder / "application.properties.bak", "spring.datasource.password=kittens\n")
    write(folder / "db.password", f"{PASSWORD}\n")
    found = open_files.search(session, Secrets(), "here")
    assert below(found, folder) == [
        f"{folder}/application.properties.bak:1 (a setting, spring.datasource.password)",
        f"{folder}/application.properties:2 (a setting, spring.datasource.password)",
        f"{folder}/db.password (a whole file)",
    ]
    settings = [one for one in found.secrets if one.setting == "spring.datasource.password"]
    assert len({one.digest for one in settings}) == 1


def test_the_search_sends_each_line_that_has_a_secret(
    session: ObserveSession, folder: Path
) -> None:
    """What a rule would find, `grep` lets through: nothing is lost on the machine."""
    text = [*lines(SECRETS), *lines(COMMANDS)]
    write(folder / "x.properties", "\n".join(text) + "\n")
    found = open_files.search(session, Secrets(), "here")
    seen = {one.line for one in found.secrets if one.place.startswith(str(folder))}
    assert [text[number - 1] for number in sorted(set(range(1, len(text) + 1)) - seen)] == []


def test_what_others_can_not_read_is_kept(session: ObserveSession, folder: Path) -> None:
    """By the file's rights or by its folder's, whoever we are: we may be root."""
    write(folder / "a.properties", "password=kittens\n", 0o640)
    (folder / "closed").mkdir(mode=0o750)
    write(folder / "closed/b.properties", "password=kittens\n")
    assert below(open_files.search(session, Secrets(), "here"), folder) == []


def test_no_value_leaves_the_asker(
    session: ObserveSession, folder: Path, sent: list[Command]
) -> None:
    """Neither the reading nor the command lines hold one; an error has none either."""
    write(folder / "x.properties", f"password={PASSWORD}\n")
    found = open_files.search(session, Secrets(), "here")
    assert below(found, folder)
    assert PASSWORD not in repr(found) + repr(plain(found))
    assert not [one for one in sent if PASSWORD in one.command + one.problem]


def test_what_is_large_or_binary_is_named(session: ObserveSession, folder: Path) -> None:
    """It is left out, and said to be."""
    (folder / "x.bin").write_bytes(b"password=kittens\0\n")
    write(folder / "x.log", "password=kittens\n" * 100_000)
    found = open_files.search(session, Secrets(), "here")
    assert below(found, folder) == []
    assert f"{folder}/x.bin" in found.binary
    assert f"{folder}/x.log" in found.large


def test_a_long_line_is_looked_at_whole(session: ObserveSession, folder: Path) -> None:
    """Configuration in one line of JSON ends behind what a search sends of a line."""
    write(folder / "x.json", '{"token": 1, "x": "' + "y" * 20_000 + '", "password": "kittens"}\n')
    assert below(open_files.search(session, Secrets(), "here"), folder) == [
        f"{folder}/x.json:1 (a setting, password)"
    ]


def test_latin_1_is_text(session: ObserveSession, folder: Path) -> None:
    """What is no UTF-8 is no binary file."""
    (folder / "x.properties").write_bytes(b"# gr\xfc\xdfe\npassword=k\xe4tzchen\n")
    assert len(below(open_files.search(session, Secrets(), "here"), folder)) == 1


def test_what_is_declared_to_be_none(session: ObserveSession, folder: Path) -> None:
    """By file and setting; another setting of that file is still found."""
    path = write(folder / "x.properties", "demo.password=kittens\nreal.password=kittens\n")
    said = Secrets(allowed=(Allowed(path=str(path), setting="demo.password", reason="a demo"),))
    found = open_files.search(session, said, "here")
    assert below(found, folder) == [f"{path}:2 (a setting, real.password)"]
    assert found.allowed == (f"{path}:1 (a setting, demo.password)",)


def test_a_folder_that_is_declared_as_none_is_not_entered(
    session: ObserveSession, folder: Path
) -> None:
    """What others keep there may be more than anybody can look at."""
    (folder / "uploads").mkdir()
    write(folder / "uploads/x.properties", "password=kittens\n")
    said = Secrets(allowed=(Allowed(path=f"{folder}/uploads/**", reason="users' own"),))
    found = open_files.search(session, said, "here")
    assert below(found, folder) == []
    assert found.allowed == (f"{folder}/uploads as a whole",)


def test_a_declared_file_is_read_whoever_may(session: ObserveSession, folder: Path) -> None:
    """A glob reaches each file that it means, closed to others or not."""
    write(folder / "a.properties", "password=kittens\n", 0o600)
    write(folder / "b.properties", "password=${X}\n")
    write(folder / "c.txt", "password=kittens\n")
    entry = LookedAt(paths=(f"{folder}/*.properties",))
    found = declared_files.look(session, entry, Secrets(), "here")
    assert below(found, folder) == [f"{folder}/a.properties:1 (a setting, password)"]
    assert found.declared == (f"{folder}/a.properties", f"{folder}/b.properties")


@pytest.mark.parametrize("missing", ["x.properties", "none/*.properties"])
def test_a_declared_file_that_is_not_there_is_told(
    session: ObserveSession, folder: Path, missing: str
) -> None:
    """Nothing was looked at, so nothing is green."""
    with pytest.raises(ProbeError):
        declared_files.look(session, LookedAt(paths=(f"{folder}/{missing}",)), Secrets(), "here")


def test_a_place_of_secrets_is_told_by_its_rights(session: ObserveSession, folder: Path) -> None:
    """Owner and mode are read, and that there is none."""
    path = write(folder / "db.password", PASSWORD, 0o640)
    found = kept.place(session, Declared(path=str(path), owner="root"))
    assert (found.there, found.mode, found.owner) == (True, "640", path.owner())
    assert not kept.place(session, Declared(path=f"{folder}/none", owner="root")).there


def test_b2_a_password_in_a_command_line_is_found(session: ObserveSession) -> None:
    """Of a process that runs, whatever started it."""
    sleeps = [sys.executable, "-c", "import time; time.sleep(60)"]
    with started([*sleeps, f"--spring.datasource.password={PASSWORD}"], log=Path(os.devnull)):
        found = shown.look(session, Secrets(), "here")
    mine = [str(one) for one in found.secrets if "spring.datasource.password" in one.setting]
    assert len(mine) == 1
    assert "the command line of python" in mine[0]
    assert PASSWORD not in repr(found)
    assert found.processes >= 2


@pytest.fixture
def stranger() -> Iterator[ObserveSession]:
    """A session whose commands run as somebody without any rights; only root becomes that one."""
    if os.geteuid() != 0:
        pytest.skip("only root can run commands as somebody else")
    nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups"
    forced = f'{nobody} /bin/sh -c "$SSH_ORIGINAL_COMMAND"'
    with ssh_server(forced=forced) as server, Machines() as machines:
        yield machines.observe(target(server))


def test_a_declared_file_that_we_can_not_read_names_the_rule(
    stranger: ObserveSession, folder: Path
) -> None:
    """Inconclusive, with what would let us: nobody knows what it holds."""
    path = write(folder / "x.properties", "password=kittens\n", 0o600)
    with pytest.raises(AccessDenied, match=r"declare `user:.*: /usr/bin/find .*, /usr/bin/head -c"):
        declared_files.look(stranger, LookedAt(paths=(str(path),)), Secrets(), "here")
    (folder / "closed").mkdir(mode=0o700)
    entry = LookedAt(paths=(f"{folder}/closed/*",))
    with pytest.raises(AccessDenied, match=r"NOPASSWD: /usr/bin/find -L"):
        declared_files.look(stranger, entry, Secrets(), "here")


def test_a_place_behind_a_closed_folder_is_kept(stranger: ObserveSession, folder: Path) -> None:
    """Not even its rights can be seen, and the folder that does it is told."""
    (folder / "closed").mkdir(mode=0o700)
    write(folder / "closed/db.password", PASSWORD, 0o600)
    found = kept.place(stranger, Declared(path=f"{folder}/closed/db.password", owner="root"))
    assert (found.there, found.closed_by) == (None, f"{folder}/closed")
