#!/usr/bin/env bash
# Sets up what Frostbyte needs on this machine.
#   install.sh venv FOLDER    a new virtual environment with everything from requirements/
#   install.sh system         the Debian packages of requirements/apt.txt (as root, else a note)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
project=$(dirname "$here")

fail() {
    echo "error: $*" >&2
    exit 1
}

apt_install() {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

find_python() {
    for name in "${PYTHON:-python3.11}" python3 python3.13 python3.12; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    fail "Python 3.11 or later is needed (Debian: apt-get install python3 python3-venv)."
}

make_venv() {
    local folder=$1 python
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        [ "$(id -u)" = 0 ] || fail "Python's venv module is missing: sudo apt-get install python3-venv"
        apt_install python3-venv
    fi
    "$python" -m venv --clear "$folder"
    "$folder/bin/python" -m pip install -qq --disable-pip-version-check \
        --constraint "$here/constraints.txt" \
        --requirement "$here/base.txt" --requirement "$here/ml.txt" \
        --requirement "$here/embedded.txt" --requirement "$here/dev.txt"
    # Lets `pytest` and other tools find the project's packages from any folder.
    echo "$project" >"$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/frostbyte-project.pth"
}

install_system() {
    local missing=() package
    for package in $(grep -v '^#' "$here/apt.txt"); do
        dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
            missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt_install "${missing[@]}"; then
        return 0
    fi
    [ "${CI:-}" != true ] || fail "missing Debian packages: ${missing[*]}"
    echo "note: without ${missing[*]} the tests that need them are skipped (apt-get install ${missing[*]})" >&2
}

case "${1:-}" in
venv) make_venv "${2:?folder of the virtual environment}" ;;
system) install_system ;;
*) fail "usage: $0 venv FOLDER | system" ;;
esac
