#!/bin/sh
# Records real Postfix's answers; see record.ts. Run as root from the top directory of the project.
set -e
RECORD_DIRECTORY=${RECORD_DIRECTORY:-$(mktemp -d /tmp/record-smtp.XXXXXX)}
export RECORD_DIRECTORY
mkdir -p "$RECORD_DIRECTORY"
chmod 755 "$RECORD_DIRECTORY"
printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' > "$RECORD_DIRECTORY/resolv.conf"
exec unshare -nm sh -c '
  ip link set lo up
  ip addr add 127.0.0.9/32 dev lo
  mount --bind "$RECORD_DIRECTORY/resolv.conf" /etc/resolv.conf
  exec deno run -A testdata/smtp/record.ts "$@"' record "$@"
