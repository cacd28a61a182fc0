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
