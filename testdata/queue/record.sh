#!/bin/sh
# Records queue files and logs of a real Postfix (3.7.11) into this directory. Run as root:
#   testdata/queue/record.sh
# It starts a private instance below a temporary directory, whose only next hop is a closed port.
set -e
here=$(cd "$(dirname "$0")" && pwd)
top=$(mktemp -d)
chmod 755 "$top"
mkdir "$top/conf" "$top/data" "$top/spool"
chown postfix "$top/data"
cp /etc/postfix/dynamicmaps.cf /etc/postfix/postfix-files /etc/postfix/post-install /etc/postfix/postfix-script "$top/conf"
cat > "$top/conf/main.cf" <<END
compatibility_level = 3.6
queue_directory = $top/spool
data_directory = $top/data
maillog_file = $top/data/maillog
maillog_file_prefixes = $top
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.com
mydestination =
alias_maps =
relayhost = [127.0.0.1]:1
delay_warning_time = 4h
END
cat > "$top/conf/master.cf" <<END
pickup    unix  n - n 60  1 pickup
cleanup   unix  n - n -   0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n -   - trivial-rewrite
bounce    unix  - - n -   0 bounce
defer     unix  - - n -   0 bounce
trace     unix  - - n -   0 bounce
smtp      unix  - - n -   - smtp
retry     unix  - - n -   - error
showq     unix  n - n -   - showq
postlog   unix-dgram n - n - 1 postlogd
END
export MAIL_CONFIG=$top/conf
postfix start
printf 'Subject: hello\nTo: bob@example.org\n\nHello\nlast' |
  sendmail -F 'Al Ice' -f alice@example.com -N failure,delay -V env+2B1 -R hdrs bob@example.org '"joe smith"@example.net'
sleep 2
postfix stop
sleep 1
printf 'Subject: waiting\n\nHello\n' | sendmail -f alice@example.com bob@example.org
cp "$(find "$top/spool/deferred" -type f)" "$here/deferred.bin"
cp "$(find "$top/spool/defer" -type f)" "$here/defer.log"
cp "$(find "$top/spool/maildrop" -type f)" "$here/maildrop.bin"
postcat -o "$here/deferred.bin" | sed "s|$here/||" > "$here/deferred.postcat"
chmod 644 "$here"/*.bin "$here/defer.log"
rm -rf "$top"
