#!/usr/bin/env bash
# asyncssh 2.24.1: `import asyncssh` starts the C compiler and the linker, twice each, before anything
# connects. It looks for liboqs (post-quantum key exchange) with ctypes.util.find_library, which asks
# gcc to link against it where ldconfig does not know it. A tool that merely imports asyncssh is slower
# for it on every machine with a compiler, and starts processes that a sandbox may forbid.
#
# Seen on 2026-11-30: gcc was called with -loqs and with -lliboqs during the import. 0.54 s of
# processor time with it, 0.20 s for cryptography, asyncio and socket alone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet asyncssh==2.24.1

# A compiler that only writes down how it is called.
mkdir "$work/bin"
printf '#!/bin/sh\necho "$*" >> "%s/called"\nexit 1\n' "$work" > "$work/bin/gcc"
chmod +x "$work/bin/gcc"
touch "$work/called"
PATH="$work/bin:$PATH" "$work/venv/bin/python" -c 'import asyncssh; print("asyncssh", asyncssh.__version__)'
cat "$work/called"
for library in oqs liboqs; do
    grep -q -- "-l$library\$" "$work/called" || { echo "changed: gcc was not asked for $library" >&2; exit 1; }
done
echo "as described: importing asyncssh starts the compiler"
