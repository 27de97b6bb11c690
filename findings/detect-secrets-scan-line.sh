#!/usr/bin/env bash
# detect-secrets 1.5.0: scan_line() does not apply the entropy limit of its high-entropy plugins, and
# leaves the settings other than it found them. A sentence of plain English words is "Base64 High
# Entropy String" once for each of them, where scan_file() finds nothing in a file of that sentence; and
# after the call the filter is_invalid_file is no longer among the active filters of the same settings.
#
# Seen on 2026-11-30: six potential secrets in "hello world and the cabbage" by scan_line, none by
# scan_file; the filter was there before scan_line and gone after it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet detect-secrets==1.5.0
cat > "$work/try.py" <<'PY'
import sys
from pathlib import Path

from detect_secrets.core import scan
from detect_secrets.settings import default_settings, get_settings

SENTENCE = "hello world and the cabbage"
FILTER = "detect_secrets.filters.common.is_invalid_file"
file = Path(sys.argv[1])
file.write_text(f'say = "{SENTENCE}"\n')
with default_settings():
    in_file = list(scan.scan_file(str(file)))
    before = FILTER in get_settings().filters
    in_line = list(scan.scan_line(SENTENCE))
    after = FILTER in get_settings().filters
kinds = sorted({one.type for one in in_line})
print(f"scan_file: {len(in_file)}; scan_line: {len(in_line)} {kinds}")
print(f"filter before: {before}; after: {after}")
if (len(in_file), before, after) != (0, True, False) or len(in_line) < 5:
    sys.exit("changed: scan_line behaves otherwise than described")
PY
"$work/venv/bin/python" "$work/try.py" "$work/sentence.py"
echo "as described: scan_line applies no entropy limit and takes a filter away"
