# Shared by the scripts beside it: finds the checkout and a Python, and sets the machine up.
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

find_python() {
  # 3.11 and 3.12 first: for them every embedded server comes as a ready wheel.
  local name
  for name in python3.12 python3.11 python3 python3.13 python3.14; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      echo "$name"
      return
    fi
  done
  echo "Python 3.11 or newer is needed and none was found. On Debian or Ubuntu: apt-get install -y python3 python3-venv" >&2
  return 1
}

# set_up [--tests]
set_up() {
  local python
  python="$(find_python)" || exit 1
  "$python" -I "$here/lpo/embedded/setup.py" "$@" || exit $?
  export PYTHONPATH="$here" PATH="$here/.venv/bin:$PATH"
  cd "$here"
}
