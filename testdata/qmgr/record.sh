#!/bin/sh
# Records what real Postfix's queue manager says and sends, with a private instance under a temporary directory.
# Needs root, Postfix 3.7 and deno; port 11700 for its SMTP server. Usage: testdata/qmgr/record.sh
set -e
here=$(cd "$(dirname "$0")" && pwd)
base=$(mktemp -d /tmp/qmgr-record.XXXXXX)
chmod 755 "$base"
export MAIL_CONFIG="$base/etc"
mkdir "$base/spool" "$base/data"
cp -r /etc/postfix "$base/etc"
chown postfix "$base/data"
cat > "$base/etc/main.cf" <<EOM
compatibility_level = 3.6
queue_directory = $base/spool
data_directory = $base/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = $base/maillog
maillog_file_prefixes = /tmp
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.com
mydestination = \$myhostname
mail_owner = postfix
setgid_group = postdrop
alias_maps =
alias_database =
local_recipient_maps =
smtp_host_lookup = native
multi_instance_enable = yes
transport_maps = texthash:$base/transport
relayhost = [127.0.0.1]:11701
EOM
sed -i -e 's/^smtp \+inet.*/127.0.0.1:11700 inet n - n - - smtpd/' \
  -e 's/^\([a-z].*unix *[-a-z]* *[-a-z]* *\)y/\1n/' "$base/etc/master.cf"
grep -q '^postlog' "$base/etc/master.cf" || echo 'postlog unix-dgram n - n - 1 postlogd' >> "$base/etc/master.cf"
cat > "$base/transport" <<EOM
e1.test error:4.7.1 try later
e2.test error:5.1.1 no such user
e3.test error:plain words
e4.test retry:5.1.1 text
e5.test retry:4.2.1 text
e6.test retry:plain words
e7.test discard:silently
e8.test discard:2.5.0 text
e9.test discard:5.0.0 x
missing.test nosuch:
dead.test smtp:[127.0.0.1]:11701
agent.test recorder:[hop.test]
EOM
send() { printf 'Subject: test\n\nbody\n' | sendmail -f "$@"; sleep 2; }
# What qmgr, error and discard say, without ids, times and process ids.
lines() {
  sed -n 's/^.\{15\} [^ ]* postfix\/\(qmgr\|error\|discard\)\[[0-9]*\]: /\1: /p' "$base/maillog" |
    sed -e 's/[0-9A-F]\{11\}/ID/g' -e 's/delay=[^ ]*, delays=[^ ]*, //'
  : > "$base/maillog"
}
scene() { echo "== $1" >> "$here/log.txt"; lines >> "$here/log.txt"; }
: > "$here/log.txt"
postfix start
sleep 1
: > "$base/maillog"

send '' u@e1.test u@e2.test u@e3.test u@e4.test u@e5.test u@e6.test u@e7.test u@e8.test u@e9.test
postsuper -d ALL
lines | grep 'to=' | sort > "$base/sorted"
{ echo "== error, retry and discard"; cat "$base/sorted"; } >> "$here/log.txt"

send '' u@missing.test
scene "no such service"
postsuper -d ALL
: > "$base/maillog"

postconf -e defer_transports=smtp
postfix reload
sleep 1
: > "$base/maillog"
send '' u@dead.test
scene "defer_transports"
# A destination that is dead after its first failure: of three messages one is tried.
for n in 1 2 3; do printf 'Subject: test\n\nbody\n' | sendmail -f '' "v$n@dead.test"; done
sleep 2
postconf -e defer_transports= smtp_destination_concurrency_limit=1
postfix reload
sleep 1
postsuper -d "$(find "$base/spool/deferred" -type f -exec sh -c 'postcat -e "$1" | grep -q u@dead && basename "$1"' _ {} \;)"
: > "$base/maillog"
postqueue -f
sleep 2
{ echo "== dead destination"; lines | sed 's/<v[0-9]@/<v@/' | grep -v 'queue active'; } >> "$here/log.txt"
postsuper -d ALL

# Damaged files: cut short, an unknown record type, an attribute without a value sign.
postconf -e defer_transports=smtp
postfix reload
sleep 1
send '' u@dead.test
whole=$(find "$base/spool/deferred" -type f | head -1)
: > "$base/maillog"
deno run -A "$here/damage.ts" "$whole" "$base/spool/incoming"
postsuper -d ALL deferred
chown postfix "$base/spool/incoming/"*
: > "$base/maillog"
for file in "$base/spool/incoming/"*; do
  name=$(basename "$file")
  # One at a time, so that the order is known.
  chmod 0700 "$file"
  postqueue -f
  sleep 2
  echo "== damaged: $name" >> "$here/log.txt"
  lines | sed -e "s/$name/ID/g" -e 's/create_time [0-9]*/create_time TIME/' >> "$here/log.txt"
done
postconf -e defer_transports=
postfix reload
sleep 1

# The bytes of a delivery request.
deno run -A "$here/take_request.ts" "$base/spool/private/recorder" "$here/delivery_request.bin" &
sleep 2
send 'sender@example.org' -N success,delay -V env-id u@agent.test '"john smith"@agent.test'
wait
postfix stop
rm -rf "$base"
