"""Makes the lab's images around static programs and hands them to containerd, without a registry.

The same files make the same image, byte by byte: its digest is the same on every node.
"""

import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path

BUSYBOX = Path("/bin/busybox")
COREDNS = Path("/opt/names/coredns")
# It answers the API server's own name, and no other: nothing of the lab needs more.
COREFILE = b"""cluster.local:5353 {
    hosts {
        198.19.128.1 kubernetes.default.svc.cluster.local
    }
    errors
}
"""
PAGE = b"enrollments of the demonstration\n"
NEWER_PAGE = b"enrollments of the demonstration, next release\n"
PAUSE = ["/bin/busybox", "sh", "-c", "trap exit TERM; while :; do sleep 3600 & wait; done"]
SERVE = ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]
# Name, page, user and command of each. What is tagged `stale` stands for an older build of `:1`.
IMAGES: tuple[tuple[str, bytes, str, list[str]], ...] = (
    ("lab.test/pause:1", b"", "65535", PAUSE),
    ("lab.test/portal:1", PAGE, "10001", SERVE),
    ("lab.test/portal:2", NEWER_PAGE, "10001", SERVE),
    ("lab.test/portal:latest", PAGE, "10001", SERVE),
    ("lab.test/root:1", PAGE, "0", SERVE),
)


def main() -> None:
    """Imports every image; one that is there already is there twice and does no harm."""
    images = [
        archive(name, around_busybox(page), user, command) for name, page, user, command in IMAGES
    ]
    asks = ["/bin/coredns", "-conf", "/etc/Corefile"]
    files = {"bin/coredns": (COREDNS.read_bytes(), 0o755), "etc/Corefile": (COREFILE, 0o644)}
    images.append(archive("lab.test/names:1", files, "65532", asks))
    for image in images:
        words = ["ctr", "--namespace", "k8s.io", "images", "import", "--digests=true", "-"]
        subprocess.run(words, input=image, check=True, stdout=subprocess.DEVNULL)


def around_busybox(page: bytes) -> dict[str, tuple[bytes, int]]:
    """The files of an image that serves one page."""
    return {"bin/busybox": (BUSYBOX.read_bytes(), 0o755), "www/index.html": (page, 0o644)}


def archive(name: str, files: dict[str, tuple[bytes, int]], user: str, command: list[str]) -> bytes:
    """What `docker save` would write of it."""
    layer = layered(files)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"User": user, "Entrypoint": command, "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(layer)}"]},
        },
        sort_keys=True,
    ).encode()
    entry = {"Config": f"{sha256(config)}.json", "RepoTags": [name], "Layers": ["layer.tar"]}
    return layered(
        {
            f"{sha256(config)}.json": (config, 0o644),
            "layer.tar": (layer, 0o644),
            "manifest.json": (json.dumps([entry]).encode(), 0o644),
        }
    )


def layered(files: dict[str, tuple[bytes, int]]) -> bytes:
    """A tar of these files, which belong to root and have no age."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        for name, (content, mode) in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))
    return held.getvalue()


def sha256(content: bytes) -> str:
    """A digest as images have it."""
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()
