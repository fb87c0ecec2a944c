#!/usr/bin/env bash
# Fetches real photographs to measure decoding with: the wallpapers of two Debian packages (62 MB, free licences, see
# their usr/share/doc), without those that are drawn or painted. Needs Debian or Ubuntu; elsewhere give decode-cosine.mjs
# a folder of your own with --photos.
set -euo pipefail
folder=$(cd "$(dirname "$0")/.." && pwd)/build/bench/photos
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
cd "$unpacked"
apt-get download -q mate-backgrounds lomiri-wallpapers-16.04
for package in *.deb; do dpkg-deb -x "$package" .; done
mkdir -p "$folder"
find usr/share/backgrounds -type f -name '*.jpg' -size +20k \
  ! -name 'Elephants*' ! -name 'GreenTraditional*' ! -name 'analogpattern*' ! -name 'umang*' -exec cp {} "$folder" \;
echo "$(find "$folder" -name '*.jpg' | wc -l) photographs in $folder"
