let services: ReadonlyMap<string, number> | undefined;

/** The TCP port for a number or a name in /etc/services; undefined for anything else. */
export function servicePort(text: string): number | undefined {
  if (/^\d{1,5}$/.test(text)) {
    const port = Number(text);
    return port >= 1 && port <= 65535 ? port : undefined;
  }
  services ??= readServices();
  return services.get(text);
}

/** Names and aliases of the TCP services that the system knows; none where it has no such file. */
function readServices(): ReadonlyMap<string, number> {
  const known = new Map<string, number>();
  let text: string;
  try {
    text = Deno.readTextFileSync("/etc/services");
  } catch {
    return known;
  }
  for (const line of text.split("\n")) {
    const match = /^(\S+)\s+(\d+)\/tcp([^#]*)/.exec(line);
    if (match === null) continue;
    for (const name of [match[1]!, ...match[3]!.trim().split(/\s+/)]) {
      if (name !== "") known.set(name, Number(match[2]));
    }
  }
  return known;
}
