"""Healthy variants of the lab's site with a Kubernetes cluster."""

from collections.abc import Callable

from lab.scene import Scene
from lab.steps import shell
from lab.variants import variant

SITE = "cluster"
MASTER = ("kube1",)
NODES = "[kube1, kube2, kube3]\n"
RESTING = (
    f"{NODES}    cordoned:\n      - {{node: kube3, reason: Its disk is replaced on Friday.}}\n"
)

# What ran to its end and stays for its log, as root and without limits.
JOB = """\
apiVersion: batch/v1
kind: Job
metadata: {name: nightly, namespace: portal}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: nightly
          image: lab.test/root:1
          imagePullPolicy: Never
          command: [/bin/busybox, "true"]
"""
STATIC = """\
apiVersion: v1
kind: Pod
metadata: {name: cache, namespace: agents}
spec:
  terminationGracePeriodSeconds: 1
  securityContext: {runAsNonRoot: true, runAsUser: 10003}
  containers:
    - {name: cache, image: "lab.test/portal:1", imagePullPolicy: Never}
"""
NETWORK = """\
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: network, namespace: kube-system}
spec:
  selector: {matchLabels: {app: network}}
  template:
    metadata: {labels: {app: network}}
    spec:
      hostNetwork: true
      terminationGracePeriodSeconds: 1
      tolerations: [{operator: Exists}]
      containers:
        - name: network
          image: lab.test/pause:1
          imagePullPolicy: Never
          securityContext: {privileged: true, runAsUser: 0}
"""
NAMED = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: own-secret, namespace: portal}
rules:
  - {apiGroups: [""], resources: [secrets], resourceNames: [portal], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: own-secret, namespace: portal}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: own-secret}
subjects: [{kind: ServiceAccount, name: portal, namespace: portal}]
"""
BUDGET = '{"spec": {"maxUnavailable": null, "minAvailable": "60%"}}'
USUAL_BUDGET = '{"spec": {"minAvailable": null, "maxUnavailable": 1}}'


def applied(manifest: str, then: str = "true") -> tuple[str, str]:
    """Scripts that make objects and wait for them, and that remove them."""
    given = f"<<'END'\n{manifest}END\n"
    return f"k apply -f - {given}{then}", f"k delete --ignore-not-found --wait -f - {given}"


def says(words: str, expected: str, means: str) -> Callable[[Scene], str]:
    """Something that a script on the master says when it is so."""

    def shows(scene: Scene) -> str:
        return means if scene.ask("kube1", "sh", "-c", words).out.strip() == expected else ""

    return shows


VARIANTS = (
    variant(
        "job-that-has-ended",
        "A Job's pod has ended and stays for its log; it was root and had no limits",
        "It does nothing any more, and nobody is asked about what is over.",
        kind="kubernetes",
        site=SITE,
        tempts=("KUBE-011",),
        steps=(
            shell(
                MASTER,
                *applied(
                    JOB, "k -n portal wait --for=condition=complete job/nightly --timeout=50s"
                ),
            ),
        ),
        shows=says(
            "k -n portal get pods -l job-name=nightly -o jsonpath='{.items[*].status.phase}'",
            "Succeeded",
            "the pod of the Job nightly has ended",
        ),
    ),
    variant(
        "static-pod-of-one-node",
        "One node runs a static pod, which no controller has",
        "The kubelet reads it from a file; the API server has a mirror of it.",
        kind="kubernetes",
        site=SITE,
        tempts=("KUBE-004", "KUBE-011"),
        steps=(
            shell(
                ("kube2",),
                f"cat > /etc/kubernetes/manifests/cache.yaml <<'END'\n{STATIC}END\n",
                "rm -f /etc/kubernetes/manifests/cache.yaml",
            ),
        ),
        shows=says(
            "k -n agents get pod cache-kube2 -o jsonpath='{.status.phase}'",
            "Running",
            "the static pod cache-kube2 runs",
        ),
    ),
    variant(
        "node-rests-on-purpose",
        "A node is cordoned, and the environment file says why",
        "Its disk is replaced; its pods run on until then.",
        kind="kubernetes",
        site=SITE,
        tempts=("KUBE-001", "KUBE-002"),
        environment=lambda text: text.replace(f"nodes: {NODES}", f"nodes: {RESTING}"),
        steps=(shell(MASTER, "k cordon kube3", "k uncordon kube3"),),
        shows=says(
            "k get node kube3 -o jsonpath='{.spec.unschedulable}'", "true", "kube3 is cordoned"
        ),
    ),
    variant(
        "one-replica-more",
        "The workload has a replica more than was declared",
        "It was scaled up for the week of enrollment: two of four are on one node.",
        kind="kubernetes",
        site=SITE,
        tempts=("KUBE-004", "KUBE-005", "KUBE-006"),
        steps=(
            shell(
                MASTER,
                "k -n portal scale deploy portal --replicas=4;"
                " k -n portal rollout status deploy portal --timeout=50s",
                "k -n portal scale deploy portal --replicas=3;"
                " k -n portal rollout status deploy portal --timeout=50s",
            ),
        ),
        shows=says(
            "k -n portal get deploy portal -o jsonpath='{.status.readyReplicas}'",
            "4",
            "four replicas are ready",
        ),
    ),
    variant(
        "network-of-the-nodes",
        "The pods' network is a privileged DaemonSet in the host's network, in kube-system",
        "Every network plug-in is one; nobody declared that namespace to be judged.",
        kind="kubernetes",
        site=SITE,
        tempts=("KUBE-008", "KUBE-009", "KUBE-010", "KUBE-011"),
        steps=(
            shell(
                MASTER,
                *applied(NETWORK, "k -n kube-system rollout status ds network --timeout=50s"),
            ),
        ),
        shows=says(
            "k -n kube-system get ds network -o jsonpath='{.status.numberReady}'",
            "3",
            "the DaemonSet network runs on three nodes",
        ),
    ),
    variant(
        "account-reads-its-own-secret",
        "A workload's account may read one secret, by its name",
        "It is its own; all others stay closed to it.",
        kind="kubernetes",
        site=SITE,
        tempts=("KUBE-012",),
        steps=(shell(MASTER, *applied(NAMED)),),
        shows=says(
            "k -n portal auth can-i get secrets/portal --as=system:serviceaccount:portal:portal",
            "yes",
            "the account portal may read the secret portal",
        ),
    ),
    variant(
        "budget-in-percent",
        "The disruption budget says how much has to stay, in percent",
        "60 % of three are two, rounded up: as much as maxUnavailable 1.",
        kind="kubernetes",
        site=SITE,
        tempts=("KUBE-005",),
        steps=(
            shell(
                MASTER,
                f"k -n portal patch pdb portal --type=merge --patch='{BUDGET}'",
                f"k -n portal patch pdb portal --type=merge --patch='{USUAL_BUDGET}'",
            ),
        ),
        shows=says(
            "k -n portal get pdb portal -o jsonpath='{.spec.minAvailable}"
            " {.status.disruptionsAllowed}'",
            "60% 1",
            "the budget is minAvailable 60%",
        ),
    ),
)
