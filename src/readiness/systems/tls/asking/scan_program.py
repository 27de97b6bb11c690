"""Scans listeners with sslyze; run as a file by the Python of sslyze's own environment.

Nothing of ours is imported here, and nothing of sslyze anywhere else: it wants an older
cryptography than ours, and its licence (AGPL) is kept to a process of its own.

Orders are one JSON object on standard input: `profiles` (names of Mozilla's), `timeout` (seconds
for one connection) and `targets`. Answers are JSON lines on standard output: what the profiles say,
then one line for each target in the order in which they were finished, then how many there were.
The exit code says nothing: whoever wants an answer looks for its line.
"""

import base64
import ctypes
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from cryptography.hazmat.primitives.serialization import Encoding
from sslyze import (
    ClientAuthenticationCredentials,
    ProtocolWithOpportunisticTlsEnum,
    ScanCommand,
    Scanner,
    ServerNetworkConfiguration,
    ServerNetworkLocation,
    ServerScanRequest,
    ServerScanResult,
)
from sslyze.__version__ import __version__ as sslyze_version
from sslyze.mozilla_tls_profile.tls_config_checker import (
    MozillaTlsConfiguration,
    TlsConfigurationEnum,
)

# The scan runs beside the other questions of a run, none of which may time out because of it.
POLITE: Final = 10
# sslyze's own defaults: connections to one listener at a time, and listeners at a time.
AT_ONE_LISTENER: Final = 5
LISTENERS_AT_ONCE: Final = 10
PR_SET_PDEATHSIG: Final = 1
VERSIONS: Final = {
    "SSLv2": ScanCommand.SSL_2_0_CIPHER_SUITES,
    "SSLv3": ScanCommand.SSL_3_0_CIPHER_SUITES,
    "TLSv1": ScanCommand.TLS_1_0_CIPHER_SUITES,
    "TLSv1.1": ScanCommand.TLS_1_1_CIPHER_SUITES,
    "TLSv1.2": ScanCommand.TLS_1_2_CIPHER_SUITES,
    "TLSv1.3": ScanCommand.TLS_1_3_CIPHER_SUITES,
}
OLDEST: Final = "SSLv2"
# What becomes one value each: the name of ours, the command, and the field of its result.
FLAWS: Final = (
    ("compression", ScanCommand.TLS_COMPRESSION, "supports_compression"),
    ("secure_renegotiation", ScanCommand.SESSION_RENEGOTIATION, "supports_secure_renegotiation"),
    (
        "client_renegotiation",
        ScanCommand.SESSION_RENEGOTIATION,
        "is_vulnerable_to_client_renegotiation_dos",
    ),
    ("heartbleed", ScanCommand.HEARTBLEED, "is_vulnerable_to_heartbleed"),
    ("early_ccs", ScanCommand.OPENSSL_CCS_INJECTION, "is_vulnerable_to_ccs_injection"),
    ("robot", ScanCommand.ROBOT, "robot_result"),
    ("fallback_scsv", ScanCommand.TLS_FALLBACK_SCSV, "supports_fallback_scsv"),
)
COMMANDS: Final = {
    *VERSIONS.values(),
    *(command for _, command, _ in FLAWS),
    ScanCommand.ELLIPTIC_CURVES,
    ScanCommand.CERTIFICATE_INFO,
}
# sslyze takes silence for a refusal; these words tell the two apart.
SILENT: Final = "timed out"


def profile(name: str) -> dict[str, Any]:
    """What one of Mozilla's profiles allows, with its version."""
    found = MozillaTlsConfiguration.get(TlsConfigurationEnum(name))
    # sslyze reads the version from the file that it is named after, and keeps only what it says.
    version = Path(MozillaTlsConfiguration._JSON_PROFILE_PATH).stem  # noqa: SLF001
    return {
        "name": name,
        "version": version,
        "versions": sorted(found.tls_versions),
        "suites": sorted({*found.ciphers.iana, *found.ciphersuites}),
        "curves": sorted(found.tls_curves),
        "dh_bits": found.dh_param_size,
    }


def requests(target: dict[str, Any], timeout: int) -> list[ServerScanRequest]:
    """A listener as sslyze is told of it.

    With a client certificate sslyze's SSL 2.0 fails over some servers' refusal (6.3.1, "invalid
    input"); that question needs none, and is then asked apart.
    """
    client = target["client_certificate"]
    if client is None:
        return [request(target, timeout, COMMANDS)]
    credentials = ClientAuthenticationCredentials(Path(client[0]), Path(client[1]))
    oldest = {VERSIONS[OLDEST]}
    return [
        request(target, timeout, COMMANDS - oldest, credentials),
        request(target, timeout, oldest),
    ]


def request(
    target: dict[str, Any],
    timeout: int,
    commands: set[ScanCommand],
    credentials: ClientAuthenticationCredentials | None = None,
) -> ServerScanRequest:
    """One request of sslyze's."""
    starttls = target["starttls"] and ProtocolWithOpportunisticTlsEnum.POSTGRES
    name = target["server_name"]
    return ServerScanRequest(
        server_location=ServerNetworkLocation(name, target["port"], ip_address=target["address"]),
        network_configuration=ServerNetworkConfiguration(
            tls_server_name_indication=name,
            tls_opportunistic_encryption=starttls,
            tls_client_auth_credentials=credentials,
            network_timeout=timeout,
        ),
        scan_commands=commands,
    )


def answer(identity: str, results: list[ServerScanResult]) -> dict[str, Any]:
    """What was found at one listener; what could not be found out is null, with the reason."""
    found: dict[str, Any] = {"target": identity, "problem": "", "errors": {}}
    outcomes: dict[ScanCommand, Any] = dict.fromkeys(COMMANDS)
    for result in results:
        if result.scan_result is None:
            return found | {"problem": last_words(result.connectivity_error_trace)}
        for command in COMMANDS:
            attempt = getattr(result.scan_result, command.value)
            if attempt.result is not None:
                outcomes[command] = attempt.result
            elif attempt.error_trace:
                found["errors"][command.value] = last_words(attempt.error_trace)
    found["suites"] = {version: suites(outcomes[command]) for version, command in VERSIONS.items()}
    curves = outcomes[ScanCommand.ELLIPTIC_CURVES]
    found["curves"] = curves and [one.name for one in curves.supported_curves or ()]
    for name, command, field in FLAWS:
        outcome = outcomes[command]
        found[name] = outcome and getattr(outcome, field)
    deployed = outcomes[ScanCommand.CERTIFICATE_INFO]
    found["chains"] = deployed and [chain(one) for one in deployed.certificate_deployments]
    return found


def last_words(trace: Any) -> str:
    """The last line of a traceback that sslyze kept: which error, and why."""
    return "".join(trace.format_exception_only()).strip() if trace else "no reason given"


def suites(result: Any) -> dict[str, Any] | None:
    """The suites that a version is spoken with, and how many times nobody answered."""
    if result is None:
        return None
    silent = [one for one in result.rejected_cipher_suites if SILENT in one.error_message]
    accepted = [suite(one) for one in result.accepted_cipher_suites]
    return {"accepted": accepted, "silent": len(silent)}


def suite(accepted: Any) -> dict[str, Any]:
    """An accepted suite and the key exchange that it came with (bits, and the curve of ECDHE)."""
    key = accepted.ephemeral_key
    return {
        "name": accepted.cipher_suite.name,
        "bits": key and key.size,
        "curve": getattr(key, "curve_name", None),
    }


def chain(deployment: Any) -> dict[str, Any]:
    """A presented chain, leaf first, and the stapled answer; all DER in Base64."""
    staple = deployment.ocsp_response
    return {
        "certificates": [
            base64.b64encode(one.public_bytes(Encoding.DER)).decode()
            for one in deployment.received_certificate_chain
        ],
        "staple": staple and base64.b64encode(staple.public_bytes(Encoding.DER)).decode(),
    }


def scan(orders: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every answer as it comes."""
    yield {"sslyze": sslyze_version, "profiles": [profile(one) for one in orders["profiles"]]}
    waiting: dict[UUID, str] = {}
    asked: list[ServerScanRequest] = []
    results: dict[str, list[ServerScanResult]] = {}
    for target in orders["targets"]:
        try:
            mine = requests(target, orders["timeout"])
        except (OSError, ValueError) as error:  # a client certificate that OpenSSL can't load
            yield {"target": target["id"], "problem": f"{type(error).__name__}: {error}"}
            continue
        asked += mine
        waiting |= {one.uuid: target["id"] for one in mine}
    if asked:
        scanner = Scanner(AT_ONE_LISTENER, LISTENERS_AT_ONCE)
        scanner.queue_scans(asked)
        for result in scanner.get_results():
            identity = waiting.pop(result.uuid)
            results.setdefault(identity, []).append(result)
            if identity not in waiting.values():
                yield answer(identity, results[identity])
    yield {"done": len(results)}


def main() -> None:
    """Read the orders and carry them out; whoever started this takes it along when it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(POLITE)
    for line in scan(json.load(sys.stdin)):
        print(json.dumps(line), flush=True)  # noqa: T201 - the answers


if __name__ == "__main__":
    main()
