#!/usr/bin/env bash
# Builds the worker's image, checks it, pushes it, and puts it on the RunPod endpoint; see --help.
set -euo pipefail

usage() {
  cat <<'HELP'
Usage: runpod_service/deploy.sh [--dry-run] [--allow-dirty] [--datasets "NAME ..."]

Builds the worker's image under a tag of its own, trains a small trial in it, pushes it, puts it on the
endpoint, and trains a small trial there. Where that last step fails, the image before is put back.

  --dry-run            print every command, secrets masked, and change nothing
  --allow-dirty        build although there are changes that are not committed; the tag ends in -dirty
  --datasets "NAME .." data sets that the image holds (default: none; see the Dockerfile)
  --help               this text

Environment:
  RUNPOD_API_KEY       key with write access to the endpoint
  RUNPOD_ENDPOINT_ID   of the endpoint, which exists already
  IMAGE                where the registry keeps the image, without a tag: user/onegin-worker
  RUNPOD_REST_URL      RunPod's REST API, where it is not the public one
  PYTHON               interpreter with this project's requirements (default: .venv/bin/python)

Exit code: 0 deployed, 2 wrong use, any other: failed.
HELP
}

refuse() {
  echo "$1" >&2
  exit 2
}

dry_run=false
allow_dirty=false
datasets=""
while [ $# -gt 0 ]; do
  case "$1" in
    --dry-run) dry_run=true ;;
    --allow-dirty) allow_dirty=true ;;
    --datasets)
      [ $# -ge 2 ] || refuse "--datasets must be followed by names, such as --datasets \"mnist cifar10\"."
      datasets=$2
      shift
      ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) refuse "$1 is no option of deploy.sh; see --help." ;;
  esac
  shift
done

[ -n "${RUNPOD_API_KEY:-}" ] || refuse "RUNPOD_API_KEY is not set; make a key in RunPod's settings and export it."
[ -n "${RUNPOD_ENDPOINT_ID:-}" ] || refuse "RUNPOD_ENDPOINT_ID is not set; copy it from the endpoint's page and export it."
[ -n "${IMAGE:-}" ] || refuse "IMAGE is not set; export where to push the image, such as IMAGE=user/onegin-worker."
case "${IMAGE##*/}" in
  *:* | *@*) refuse "IMAGE must have no tag, got $IMAGE; each deployment makes its own." ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-.venv/bin/python}
[ -n "$(command -v "$python")" ] || refuse "PYTHON must be an interpreter, $python was not found; run make install."
commit=$(git rev-parse --short=12 HEAD 2>/dev/null) || refuse "This folder is no git repository; deploy from a clone."
dirty=""
if [ -n "$(git status --porcelain)" ]; then
  $allow_dirty || refuse "There are changes that are not committed; commit them, or add --allow-dirty."
  dirty="-dirty"
fi
$dry_run || [ -n "$(command -v docker)" ] || refuse "docker was not found; install it, or see what would be done with --dry-run."

image="$IMAGE:$(date -u +%Y%m%d-%H%M%S)-$commit$dirty"

# No command line holds a secret: the key goes to Python through the environment.
run() {
  printf '+'
  printf ' %q' "$@"
  printf '\n'
  $dry_run || "$@"
}

run docker build --platform linux/amd64 --file runpod_service/Dockerfile \
  --build-arg "DATASETS=$datasets" --tag "$image" .
run docker run --rm --platform linux/amd64 "$image" python -m runpod_service.handler --check
run docker push "$image"
# An empty array counts as unset in the bash of macOS.
rest=()
[ -z "${RUNPOD_REST_URL:-}" ] || rest=(--rest-url "$RUNPOD_REST_URL")
run "$python" -m runpod_service.deploy "$image" ${rest[@]+"${rest[@]}"}
if $dry_run; then
  "$python" -m runpod_service.deploy "$image" ${rest[@]+"${rest[@]}"} --dry-run
fi
