/** What starts the mail system with the machine: systemd and OpenRC. */
import type { Layout } from "./types.ts";

const DEFAULT_CONFIGURATION = "/etc/postfix";

/** The `postfix` command with the configuration directory, if that is not the usual one. */
function postfixCommand({ prefix, configuration }: Layout): string {
  const option = configuration === DEFAULT_CONFIGURATION ? "" : ` -c ${configuration}`;
  return `${prefix}/sbin/postfix${option}`;
}

/** The systemd unit. */
export function systemdUnit(layout: Layout): string {
  const postfix = postfixCommand(layout);
  return `[Unit]
Description=Postel mail system (Postfix compatible)
Documentation=man:postel(1)
Wants=network-online.target
After=network-online.target nss-lookup.target
Conflicts=postfix.service exim4.service sendmail.service opensmtpd.service

[Service]
Type=exec
ExecStart=${postfix} start-fg
ExecReload=${postfix} reload
KillMode=mixed
TimeoutStopSec=30
Restart=on-failure
RestartSec=2

[Install]
WantedBy=multi-user.target
`;
}

/** The OpenRC script. */
export function openrcScript(layout: Layout): string {
  const postfix = postfixCommand(layout);
  return `#!/sbin/openrc-run
name="Postel mail system"
extra_started_commands="reload"

depend() {
  need localmount
  use net dns logger
  provide mta
}

start() {
  ebegin "Starting $name"
  ${postfix} start
  eend $?
}

stop() {
  ebegin "Stopping $name"
  ${postfix} stop
  eend $?
}

reload() {
  ebegin "Reloading $name"
  ${postfix} reload
  eend $?
}
`;
}
