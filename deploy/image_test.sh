#!/usr/bin/env bash
# Builds the real Dockerfile without a container engine and tries the result the way an engine would run it: as the
# unprivileged user, in namespaces of its own, with a read-only root and a volume on /data. Needs root on Debian.
#
#   make image-test                      some ten minutes, and 20 GB of disk in build/image-test
#   IMAGE_TEST_BUILD=0 make image-test   try the image that was built the last time
#
# The base image is made by debootstrap (Debian's Python 3.11), since no registry is asked. BASE_IMAGE and
# TORCH_INDEX_URL are the Dockerfile's arguments; the default index here is PyPI, whose wheels carry CUDA.
set -euo pipefail
cd "$(dirname "$0")/.."

WORK=${IMAGE_TEST_DIR:-$PWD/build/image-test}
INDEX=${TORCH_INDEX_URL:-https://pypi.org/simple}
MIRROR=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
PORT=${IMAGE_TEST_PORT:-8599}
# Where the kernel gives no overlay mounts, STORAGE_DRIVER=vfs works too and copies every layer.
export STORAGE_DRIVER=${STORAGE_DRIVER:-overlay} BUILDAH_ISOLATION=chroot
STORE=(--root "$WORK/store" --runroot "$WORK/run")

say() { printf '%(%H:%M:%S)T  %s\n' -1 "$*"; }
fail() { say "FAILED: $*"; exit 1; }
[ "$(id -u)" = 0 ] || fail "root is needed for chroots and mounts"
missing=()
for tool in buildah debootstrap unshare setpriv curl; do command -v "$tool" >/dev/null || missing+=("$tool"); done
if [ ${#missing[@]} -gt 0 ]; then
    say "installing ${missing[*]}"
    apt-get update -q >/dev/null && apt-get install -y -q --no-install-recommends buildah debootstrap util-linux curl >/dev/null
fi
mkdir -p "$WORK"

# --- base image ---------------------------------------------------------------------------------------------------
if ! buildah "${STORE[@]}" images -q localhost/lwal-base >/dev/null 2>&1; then
    say "base image by debootstrap"
    rm -rf "$WORK/base"
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$WORK/base" "$MIRROR" >"$WORK/debootstrap.log" 2>&1 \
        || { tail -3 "$WORK/debootstrap.log"; fail "debootstrap"; }
    # A mirror inside the house may be signed by the house's own authority, which this host knows.
    cp /etc/ssl/certs/ca-certificates.crt "$WORK/base/etc/ssl/certs/ca-certificates.crt"
    container=$(buildah "${STORE[@]}" from scratch)
    buildah "${STORE[@]}" add --quiet "$container" "$WORK/base" / >/dev/null
    buildah "${STORE[@]}" commit --quiet "$container" localhost/lwal-base >/dev/null
    buildah "${STORE[@]}" rm "$container" >/dev/null
    rm -rf "$WORK/base"
fi

# --- the real Dockerfile --------------------------------------------------------------------------------------------
if [ "${IMAGE_TEST_BUILD:-1}" = 1 ]; then
    say "building the image"
    started=$SECONDS
    buildah "${STORE[@]}" bud --quiet --layers --format docker --build-arg BASE_IMAGE="${BASE_IMAGE:-localhost/lwal-base}" \
        --build-arg TORCH_INDEX_URL="$INDEX" --tag lwal-explorer . >"$WORK/build.log" 2>&1 || { tail -20 "$WORK/build.log"; fail "build"; }
    say "built in $((SECONDS - started)) s"
fi

container=$(buildah "${STORE[@]}" from --pull-never localhost/lwal-explorer)
root=$(buildah "${STORE[@]}" mount "$container")
config() { buildah "${STORE[@]}" inspect --format "$1" "$container"; }
say "$(config 'user {{.Docker.Config.User}}, stop signal {{.Docker.Config.StopSignal}}, entry {{.Docker.Config.Entrypoint}} {{.Docker.Config.Cmd}}')"
say "size of the venv layer: $(du -sh "$root/opt/venv" | cut -f1); of the code: $(du -sh "$root/app" | cut -f1); of the whole root: $(du -shx "$root" | cut -f1)"

DATA=$WORK/data
rm -rf "$DATA" && install -d -o 1000 -g 1000 "$DATA"
runner=
cleanup() {
    [ -n "$runner" ] && kill -KILL -- "-$runner" 2>/dev/null || true
    buildah "${STORE[@]}" umount "$container" >/dev/null 2>&1 || true
    buildah "${STORE[@]}" rm "$container" >/dev/null 2>&1 || true
}
trap cleanup EXIT

# Environment of the image, as an engine would set it.
mapfile -t environment < <(config '{{range .Docker.Config.Env}}{{println .}}{{end}}' | sed '/^$/d')

# inside COMMAND...: like `docker run --read-only --tmpfs /tmp -v data:/data --user 1000:1000 --cap-drop ALL`. The
# command is process 1 of its namespace.
inside() {
    unshare --mount --pid --ipc --uts --fork --kill-child=SIGKILL bash -euc '
        root=$1; data=$2; count=$3; shift 3
        mount --make-rprivate /
        mount --bind "$root" "$root"
        mount --bind "$data" "$root/data"
        mount -t tmpfs -o mode=1777,size=512m tmpfs "$root/tmp"
        mount -t proc proc "$root/proc"
        mount -t tmpfs -o mode=755 tmpfs "$root/dev"
        for device in null zero random urandom; do touch "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"; done
        mkdir "$root/dev/shm"; mount -t tmpfs -o mode=1777,size=64m tmpfs "$root/dev/shm"
        mount -o remount,bind,ro "$root"
        exec chroot "$root" setpriv --reuid 1000 --regid 1000 --clear-groups --bounding-set=-all --no-new-privs \
            env -i "${@:1:count}" sh -c "cd /app; exec \"\$@\"" sh "${@:count+1}"
    ' bash "$root" "$DATA" "${#environment[@]}" "${environment[@]}" "$@"
}

# The image's own health check, asked from inside until it is satisfied.
mapfile -t health < <(config '{{range .Docker.Config.Healthcheck.Test}}{{println .}}{{end}}' | sed '/^$/d; 1d')
start() {
    started=$(date +%s%N)
    setsid bash -c "$(declare -f inside); $(declare -p environment root DATA); inside tini -- lwal serve --address 127.0.0.1" >>"$WORK/serve.log" 2>&1 &
    runner=$!
    for _ in $(seq 240); do
        if curl --fail --silent --max-time 2 "http://127.0.0.1:$PORT/_stcore/health" >/dev/null; then
            inside "${health[@]}" || fail "the image's health check disagrees"
            say "healthy after $((($(date +%s%N) - started) / 1000000)) ms (with the check's own time)"
            return
        fi
        kill -0 "$runner" 2>/dev/null || { tail -20 "$WORK/serve.log"; fail "the app ended by itself"; }
        sleep 0.25
    done
    tail -20 "$WORK/serve.log"
    fail "not healthy within a minute"
}
# SIGTERM goes to process 1 of the namespace, as an engine's stop does.
stop() {
    local first
    first=$(pgrep --oldest --full '^tini -- lwal serve')
    started=$SECONDS
    kill -TERM "$first"
    for _ in $(seq 150); do
        kill -0 "$runner" 2>/dev/null || break
        sleep 0.2
    done
    if kill -0 "$runner" 2>/dev/null; then fail "still running 30 s after SIGTERM"; fi
    wait "$runner" 2>/dev/null || true
    runner=
    pgrep --full "$root" >/dev/null && fail "processes were left behind"
    say "stopped $((SECONDS - started)) s after SIGTERM, nothing left behind"
}

environment+=("LWAL_PORT=$PORT")
: >"$WORK/serve.log"
[ "$(inside id -u)" = 1000 ] || fail "not uid 1000"
inside sh -c 'touch /app/written 2>/dev/null' && fail "the root can be written to"
inside sh -c 'touch /data/written /tmp/written && rm /data/written' || fail "/data or /tmp cannot be written to"
say "uid 1000, the root refuses writes, /data and /tmp take them"
inside lwal doctor || fail "doctor found a problem"
start
page=$(curl --fail --silent "http://127.0.0.1:$PORT/") || fail "the first page does not come"
[[ ${page,,} == *streamlit* ]] || fail "the first page is not the app's: ${page:0:300}"
say "training on digits while the app is up"
id=$(inside lwal train --dataset digits --method lwal --epochs 2 --seed 12 | tail -1) || fail "training"
inside lwal show "$id"
stop
start
inside lwal runs | grep -q "$id" || fail "the run did not survive the restart"
inside lwal export "$id" --format newick
say "the run is there after a restart"
stop
say "PASSED"
