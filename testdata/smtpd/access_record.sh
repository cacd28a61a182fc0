#!/bin/sh
# Records real Postfix's access checks; see access_record.ts. Run as root from the top directory of the project:
#     testdata/smtpd/access_record.sh [GROUP,GROUP]
set -e
RECORD_DIRECTORY=$(mktemp -d /tmp/record-access.XXXXXX)
export RECORD_DIRECTORY
chmod 755 "$RECORD_DIRECTORY"
printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' > "$RECORD_DIRECTORY/resolv.conf"
exec unshare -nm sh -c '
  ip link set lo up
  mount --bind "$RECORD_DIRECTORY/resolv.conf" /etc/resolv.conf
  deno run -A testdata/smtpd/access_record.ts "$RECORD_DIRECTORY" "$@"
  rm -r "$RECORD_DIRECTORY"' record "$@"
