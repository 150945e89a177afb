#!/bin/bash
# Makes the Python environment of the integration tests, or leaves one alone that has what
# requirements.txt asks for.
#
#   venv.sh FOLDER
#
# Debian's own python3 is used, not whichever comes first in PATH: the environment then depends on
# the system alone. Packages come from wherever pip is configured to look.
set -euo pipefail

folder=${1:?usage: venv.sh FOLDER}
wanted=$(dirname "$0")/requirements.txt
done_mark=$folder/requirements.txt
python=/usr/bin/python3
[ -x $python ] || python=python3

if cmp -s "$wanted" "$done_mark" && "$folder/bin/python" -c '' 2>/dev/null; then
    exit 0
fi
echo "venv: installing $(tr '\n' ' ' <"$wanted")into $folder" >&2
rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
"$python" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --only-binary :all: -r "$wanted" || {
    echo "venv: pip failed; the integration tests need these packages: retry with a network" >&2
    exit 69
}
# Last, so that a run that was cut short is done again.
cp "$wanted" "$done_mark"
