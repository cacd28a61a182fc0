/** Ports of mail services, for systems without /etc/services. */
const MAIL_SERVICES: Readonly<Record<string, number>> = {
  smtp: 25,
  mail: 25,
  smtps: 465,
  submissions: 465,
  submission: 587,
  lmtp: 24,
  qmqp: 628,
};

const known = new Map<string, ReadonlyMap<string, number>>();

/**
 * The ports of the services that /etc/services knows, by name and alias; the first line of a name counts. Empty on a
 * system without the file. Read once.
 */
export function servicePorts(protocol: "tcp" | "udp"): ReadonlyMap<string, number> {
  let ports = known.get(protocol);
  if (ports === undefined) known.set(protocol, ports = readServices(protocol));
  return ports;
}

/** The TCP port of a number or of a service's name (services(5)); undefined if it is neither. */
export function tcpPort(name: string): number | undefined {
  if (/^\d+$/.test(name)) {
    const port = Number(name);
    return port >= 1 && port <= 65535 ? port : undefined;
  }
  return servicePorts("tcp").get(name) ??
    (Object.hasOwn(MAIL_SERVICES, name) ? MAIL_SERVICES[name] : undefined);
}

function readServices(protocol: string): ReadonlyMap<string, number> {
  const ports = new Map<string, number>();
  let text: string;
  try {
    text = Deno.readTextFileSync("/etc/services");
  } catch {
    return ports;
  }
  for (const line of text.split("\n")) {
    const [name = "", place = "", ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    const [port = "", of] = place.split("/");
    if (of !== protocol || !/^\d+$/.test(port)) continue;
    for (const word of [name, ...aliases]) if (!ports.has(word)) ports.set(word, Number(port));
  }
  return ports;
}
