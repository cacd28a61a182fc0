#!/bin/sh
# Records what real postmulti(1) says. Must run as root: /etc/postfix is replaced by a scratch copy in a mount
# namespace of its own, so that the system's configuration is never touched.
# usage: record_postmulti.sh >postmulti.txt
# With PROGRAMS=dir, the programs in that directory are recorded instead of the system's.
if [ "$1" != inside ]; then exec unshare -m "$0" inside; fi
scratch=$(mktemp -d) || exit 1
trap 'umount /etc/postfix; rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
mkdir "$scratch/etc" "$scratch/spool" "$scratch/data" "$scratch/log"
cp -a /etc/postfix/. "$scratch/etc/" || exit 1
mount --bind "$scratch/etc" /etc/postfix || exit 1
chown postfix "$scratch/data"
postconf -e "queue_directory=$scratch/spool" "data_directory=$scratch/data" \
  "maillog_file=$scratch/log/mail.log" "maillog_file_prefixes=$scratch" inet_interfaces=127.0.0.1 \
  inet_protocols=ipv4 myhostname=mx.example.com
case "$(postconf -h queue_directory)" in "$scratch"/*) ;; *) exit 1 ;; esac
new="config_directory=$scratch/b-etc queue_directory=$scratch/b-spool data_directory=$scratch/b-data"
# The shell that script starts finds these programs first.
if [ -n "$PROGRAMS" ]; then PATH=$PROGRAMS:$PATH; export PATH; fi
once() {
  echo "--- $*" | sed "s,$scratch,@,g"
  script -qec "$*; echo rc=\$?" /dev/null </dev/null | tr -d '\r' | sed "s,$scratch,@,g"
}
once postmulti
once postmulti -z
once postmulti -l
once postmulti -l -x ls
once postmulti -l extra
once postmulti -R -p status
once postmulti -i foo -l
once postmulti -g g -l
once postmulti -p
once postmulti -x
once postmulti -x echo hi
once postmulti -e bogus
once postmulti -e create
once postmulti -e create -I postfix-b "$new"
once postmulti -e init
once postmulti -e init -i -
once postconf -n multi_instance_wrapper multi_instance_enable
once postmulti -e create
once postmulti -e create -I foo
once postmulti -e create -I -
once postmulti -e create -I postfix-b foo
once postmulti -e create -I postfix-b myhostname=foo
once postmulti -e create -I postfix-b config_directory=relative
once postmulti -e create -I postfix-b -G outgoing $new
once postmulti -l
once cat $scratch/b-etc/main.cf '|' grep -v '^#' '|' grep .
once postconf -n multi_instance_directories alternate_config_directories
once postconf -c $scratch/b-etc -n
once postmulti -e create -I postfix-b $new
once postmulti -i postfix-b -x env '|' grep -E '"^(MAIL_CONFIG|multi_|config_dir|queue_dir|data_dir)"' '|' sort
once MAIL_CONFIG=$scratch/b-etc postmulti -l
once postmulti -e enable -i postfix-b
once postmulti -e enable -i foo
once postmulti -e enable
once postmulti -e enable -i - 
once postmulti -e assign -i postfix-b
once postmulti -e assign -i postfix-b -I postfix-c -G -
once postmulti -Rl
once postmulti -e create -I postfix-c $new
once postmulti -e create -I postfix-d config_directory=$scratch/d-etc queue_directory=$scratch/b-spool data_directory=$scratch/d-data
once postmulti -p status
once postmulti -g none -p status
once postmulti -x sh -c '"exit 3"'
once postmulti -i postfix-c -x nosuchprogram
once postmulti -e destroy -i postfix-c
once postmulti -e disable -i postfix-c
once postmulti -e deport -i postfix-c
once postconf -n multi_instance_directories alternate_config_directories
once postmulti -e import config_directory=$scratch/b-etc
once postmulti -l
once postmulti -e destroy -i -
once postmulti -e destroy -i postfix-c
once postmulti -l
once postmulti -e disable -i -
once postmulti -p status
once postmulti -e enable -i foo
once postconf -n multi_instance_directories alternate_config_directories
once ls $scratch
once cat $scratch/log/mail.log '|' sed -e "'s/^.\{15\} //'" -e "'s/\[[0-9]*\]/[PID]/'"
