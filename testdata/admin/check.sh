#!/bin/sh
# Makes a private Postfix with wrong owners and modes in the given directory, and prints what real `postfix check`
# says about it. Must run as root. The warnings are printed without their label.
# usage: check.sh DIRECTORY
dir=$1
[ -d "$dir" ] || exit 1
mkdir "$dir/etc" "$dir/spool" "$dir/data" "$dir/log" || exit 1
cp -a /etc/postfix/. "$dir/etc/"
chown postfix "$dir/data"
MAIL_CONFIG=$dir/etc
export MAIL_CONFIG
postconf -e "queue_directory=$dir/spool" "data_directory=$dir/data" "maillog_file=$dir/log/mail.log" \
  "maillog_file_prefixes=$dir" inet_interfaces=127.0.0.1 inet_protocols=ipv4 alias_maps= alias_database= || exit 1
postfix check >/dev/null 2>&1
chmod 666 "$dir/etc/dynamicmaps.cf"
chown nobody "$dir/etc/master.cf"
ln -s /etc/hosts "$dir/etc/away"
ln -s main.cf "$dir/etc/near"
ln -s nowhere "$dir/etc/broken"
chown nobody "$dir/spool"
chmod 777 "$dir/spool/pid"
mkdir "$dir/spool/etc"
echo other >"$dir/spool/etc/hosts"
cp /etc/hostname "$dir/spool/etc/hostname"
chown nobody "$dir/spool/etc/hostname"
echo x >"$dir/spool/corrupt/ABCDEF"
echo x >"$dir/data/file"
chmod 666 "$dir/data/file"
mkdir "$dir/spool/deferred/A"
chgrp nogroup "$dir/spool/public"
script -qec "postfix check" /dev/null </dev/null | tr -d '\r' |
  sed -n 's,^postfix/postfix-script: warning: ,,p'
