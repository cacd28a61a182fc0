/** The configuration of a new installation: local mail and mail to the world, nobody else's mail. */
import { INTERNAL_SERVICES } from "../master/mod.ts";
import type { Layout } from "./types.ts";

/** main.cf for a machine that has none. */
export function defaultMainCf({ prefix, manual }: Layout): string {
  return `# Postel reads what Postfix reads. Every parameter that is not set has its default: "postconf -d" lists them,
# "postconf -n" shows what is set here.
compatibility_level = 3.11

# The name of this host and where mail without a domain belongs. By default the system's host name.
#myhostname = mail.example.com
#myorigin = $mydomain

# Domains whose mail is for the users of this machine.
mydestination = $myhostname, localhost.$mydomain, localhost

# Talk to this machine only. For mail from outside: inet_interfaces = all
inet_interfaces = loopback-only

# Who may send mail to any place: this machine.
mynetworks_style = host

# A host that takes all mail to other domains; without one, mail goes where the DNS says.
#relayhost = [smtp.example.com]:587

alias_maps = hash:/etc/aliases
alias_database = hash:/etc/aliases

command_directory = ${prefix}/sbin
sendmail_path = ${prefix}/sbin/sendmail
mailq_path = ${prefix}/bin/mailq
newaliases_path = ${prefix}/bin/newaliases
manpage_directory = ${manual.replace(/\/man1$/, "")}
`;
}

/** master.cf for a machine that has none. */
export const DEFAULT_MASTER_CF = `# service        type       private unpriv chroot wakeup maxproc command
smtp             inet       n       -      n      -      -       smtpd
# Submission by users with a password, over TLS:
#submission       inet       n       -      n      -      -       smtpd
#  -o syslog_name=postfix/submission
#  -o smtpd_tls_security_level=encrypt
#  -o smtpd_sasl_auth_enable=yes
#  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
${INTERNAL_SERVICES}`;

/** An alias file for a machine that has none. */
export const DEFAULT_ALIASES = `# Who gets mail for these names. After a change: newaliases
postmaster: root
mailer-daemon: postmaster
abuse: postmaster
# Name the person who reads root's mail:
#root: somebody
`;
